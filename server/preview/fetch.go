package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"beffroi/server/dial"

	"golang.org/x/net/html/charset"
)

const (
	maxPage  = 1 << 20 // bytes that are read of a page, unpacked; what is told of it stands at its beginning
	maxImage = 4 << 20
)

// card is what is told of an address: properties of OpenGraph, in Matrix' form.
type card map[string]any

// fetch asks for one page and its image.
type fetch struct {
	*Service
	rules  rules
	client *http.Client
}

func newFetch(s *Service, r rules) *fetch {
	f := &fetch{s, r, r.dial.Client(dial.Limits{Total: 10 * time.Second, Connect: 5 * time.Second, Redirects: 5})}
	follow := f.client.CheckRedirect
	f.client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if r.refuses(next.URL.String()) {
			return &dial.Refusal{Target: next.URL.Redacted(), Why: "the address is refused"}
		}
		return follow(next, via)
	}
	return f
}

// get asks for an address. Who gets an answer closes its body.
func (f *fetch) get(ctx context.Context, address, accept string) (*http.Response, error) {
	if f.rules.refuses(address) {
		return nil, errors.New("the address is refused")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Beffroi (link preview)")
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Language", "fr, en;q=0.5")
	resp, err := f.client.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return resp, err
}

// card makes the preview of an address.
func (f *fetch) card(ctx context.Context, address string) (card, error) {
	resp, err := f.get(ctx, address, "text/html, application/xhtml+xml, image/*;q=0.5")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return card{}, nil
	case kind == "text/html" || kind == "application/xhtml+xml":
		return f.page(ctx, resp)
	case strings.HasPrefix(kind, "image/"):
		c := card{}
		c.put("og:title", path.Base(resp.Request.URL.Path), maxTitle)
		return c, f.image(ctx, c, resp.Body)
	}
	return card{}, nil // nothing that we can read
}

func (f *fetch) page(ctx context.Context, resp *http.Response) (card, error) {
	text, err := charset.NewReader(io.LimitReader(resp.Body, maxPage), resp.Header.Get("Content-Type"))
	if errors.Is(err, io.EOF) {
		return card{}, nil
	}
	if err != nil {
		return nil, err
	}
	p := readPage(text)
	c := p.card()
	image, err := resp.Request.URL.Parse(p.image())
	if p.image() == "" || err != nil {
		return c, nil
	}
	if err := f.imageAt(ctx, c, image); err != nil {
		f.log.Debug().Err(err).Msg("a preview without its image")
	}
	return c, nil
}

func (f *fetch) imageAt(ctx context.Context, c card, address *url.URL) error {
	resp, err := f.get(ctx, address.String(), "image/*")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return f.image(ctx, c, resp.Body)
}

// image keeps an image, and names it in the card.
func (f *fetch) image(ctx context.Context, c card, body io.Reader) error {
	m, err := f.media.StoreImage(ctx, body, maxImage, f.now().Add(imageLife))
	if err != nil {
		return err
	}
	c["og:image"], c["matrix:image:size"] = "mxc://"+f.serverName+"/"+m.ID, m.Size
	c["og:image:type"], c["og:image:width"], c["og:image:height"] = m.ContentType, m.Width, m.Height
	return nil
}
