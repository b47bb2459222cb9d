package setup

import (
	"math"
	"net/http"
	"time"
)

// door is the page that asks for the token: the only one without a session. The token in the address that was printed is used up at once, so
// that it stays neither on the screen nor in a referrer. Whoever followed a link from another site comes without cookies (SameSite=Strict): that
// says nothing, so the page comes once more, by itself, instead of giving away the cookie that this browser may have.
func (z *Wizard) door(r request) answer {
	now := z.Now()
	inAddress := r.URL.Query().Get("jeton")
	switch {
	case r.Method == http.MethodGet && inAddress == "" && r.cookie == "" && r.Header.Get("Sec-Fetch-Site") == "cross-site":
		return answer{status: http.StatusOK, refresh: true, page: &view{Page: "passage"}}
	case r.Method == http.MethodPost && !(fromOurPage(r.Request) && rightFormToken(r.cookie, r.form.Get("formulaire"))):
		return z.askToken(r, http.StatusForbidden, problem{Key: "form_stale"})
	case r.Method == http.MethodPost:
		return z.try(r, r.form.Get("jeton"))
	case z.state.holds(r.cookie, now):
		return redirect(z.currentPath())
	case r.Method == http.MethodGet && inAddress != "":
		return z.try(r, inAddress)
	case z.state.lost(r.cookie):
		return z.askToken(r, http.StatusForbidden)
	}
	return z.askToken(r, http.StatusOK)
}

// try looks at a token. The right one opens the session, and ends another screen's; a recovery key that was shown there is never used.
func (z *Wizard) try(r request, typed string) answer {
	address := addressOf(r.Request)
	if wait := z.throttle.wait(address); wait > 0 {
		a := z.askToken(r, http.StatusTooManyRequests, problem{Key: "token_wait", Data: map[string]any{"Seconds": seconds(wait)}})
		a.retry = wait
		return a
	}
	tokens, err := readTokens(z.DataDir, z.Now())
	if err != nil {
		return z.failure(err)
	}
	if !isToken(typed, tokens) {
		z.throttle.failed(address)
		z.Log.Warn().Str("address", address.String()).Msg("setup: wrong token")
		return z.askToken(r, http.StatusForbidden, problem{Key: "token_wrong"})
	}
	cookie, err := newCookie(z.Random)
	if err != nil {
		return z.failure(err)
	}
	next := z.state
	next.takeOver(cookie, z.Now())
	if err := next.save(r.Context(), z.DB); err != nil {
		return z.failure(err)
	}
	z.throttle.succeeded(address)
	z.state, z.sheet = next, nil
	z.Log.Info().Str("address", address.String()).Msg("setup: session opened")
	a := redirect(z.currentPath())
	a.cookie = cookieOf(cookieName(r.secure), cookie, r.secure)
	return a
}

// askToken is the page that asks for it. A visitor without a cookie gets one, which ties the form to this browser.
func (z *Wizard) askToken(r request, status int, problems ...problem) answer {
	a := answer{status: status}
	if r.cookie == "" {
		cookie, err := newCookie(z.Random)
		if err != nil {
			return z.failure(err)
		}
		r.cookie, a.cookie = cookie, cookieOf(cookieName(r.secure), cookie, r.secure)
	}
	a.page = &view{Page: "jeton", FormToken: formToken(r.cookie), Exposed: exposed(r.Request, z.PublicURL), TakenOver: z.state.lost(r.cookie),
		Fields: []field{{Name: "jeton", Type: "text", Autocomplete: "off", Code: true, Problems: problems}}}
	return a
}

func (z *Wizard) failure(err error) answer {
	z.Log.Error().Err(err).Msg("setup: failed")
	return answer{status: http.StatusInternalServerError, page: errorPage(http.StatusInternalServerError)}
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
