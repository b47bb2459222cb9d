package setup

import (
	"maps"
	"net/http"
	"net/url"
)

// show is a step's page with the answers that are kept.
func (z *Wizard) show(r request, i int) answer {
	if err := z.needSheet(i); err != nil {
		return z.failure(err)
	}
	return answer{status: http.StatusOK, page: z.stepPage(r, i, nil, nil)}
}

// needSheet makes the recovery key where its page has none: the first time, after a restart, and where another screen took over.
func (z *Wizard) needSheet(i int) (err error) {
	if z.sheet == nil && i == len(z.steps)-1 {
		z.sheet, err = newSheet()
	}
	return err
}

// submit takes a form in and leads to the next page; or, with "retour", to the one before, where answers are kept however they are.
func (z *Wizard) submit(r request, i int) answer {
	if !fromOurPage(r.Request) || !rightFormToken(r.cookie, r.form.Get("formulaire")) {
		return answer{status: http.StatusForbidden, page: errorPage(http.StatusForbidden)}
	}
	last := i == len(z.steps)-1
	if last && z.sheet == nil {
		return z.sheetAnew(r, i)
	}
	next := z.state
	problems, err := z.steps[i].take(z, r.Context(), r.form, &next)
	if err != nil {
		return z.failure(err)
	}
	if err := next.save(r.Context(), z.DB); err != nil {
		return z.failure(err)
	}
	z.state = next
	if r.form.Has("retour") {
		return redirect(Root + "/" + z.steps[max(0, i-1)].path)
	}
	all := z.steps[i].wrong(z, next)
	maps.Copy(all, problems)
	switch {
	case len(all) > 0:
		return answer{status: http.StatusUnprocessableEntity, page: z.stepPage(r, i, all, r.form)}
	case last:
		return z.found(r)
	}
	return redirect(Root + "/" + z.steps[i+1].path)
}

// sheetAnew answers a form about a key that is no more: another one has to be printed.
func (z *Wizard) sheetAnew(r request, i int) answer {
	if err := z.needSheet(i); err != nil {
		return z.failure(err)
	}
	page := z.stepPage(r, i, nil, url.Values{})
	page.NewSheet = true
	return answer{status: http.StatusConflict, page: page}
}

// found makes the server. Until it succeeds nothing is lost: the answers are kept, and the key in memory stays the one that was printed.
func (z *Wizard) found(r request) answer {
	s := z.state
	err := z.Found(r.Context(), Answers{Commune: s.Commune, ServerName: s.Address, Mode: s.mode(), Localpart: s.Localpart, DisplayName: s.Name,
		PasswordHash: s.Password, BackupRecipient: z.sheet.identity.Recipient().String()})
	if err != nil {
		return z.failure(err)
	}
	z.finished, z.sheet = z.Now(), nil
	if err := Forget(z.DataDir); err != nil {
		z.Log.Warn().Err(err).Msg("setup: the token's file stays until the next start") // it opens nothing any more
	}
	z.Log.Info().Msg("setup: finished")
	return redirect(Root + "/fin")
}
