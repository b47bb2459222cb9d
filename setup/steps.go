package setup

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A problem is a message about one field.
type problem struct {
	Key  string
	Data map[string]any
}

// A field is one question of a form. Its label is the message "label_NAME", its hint "hint_NAME".
type field struct {
	Name         string // of the form
	Type         string // of the input
	Value        string
	Autocomplete string
	Number       int      // of a group of the key
	Code         bool     // not words: no spelling, no capitals
	Alone        bool     // the only one: it tells its problems itself, without a list on top of the page
	Choices      []string // one of which is the value; the label of each is the message "label_NAME_CHOICE"
	Problems     []problem
}

// A step is one page with one form. Answers are kept as they were typed; what is wrong with them is always asked of the answers themselves,
// so a step is reached when nothing before it is wrong.
type step struct {
	path   string // after /installation/, and the beginning of the page's messages
	fields func(z *Wizard) []field
	// take keeps what was typed, in next. What it can't keep (passwords, groups of the key), it judges: the problems by field.
	take func(z *Wizard, ctx context.Context, form url.Values, next *state) (map[string][]problem, error)
	// wrong judges the answers that are kept.
	wrong func(z *Wizard, s state) map[string][]problem
}

func steps() []step {
	return []step{
		{"commune", communeFields, takeCommune, communeProblems},
		{"adresse", addressFields, takeAddress, addressFieldProblems},
		{"administrateur", nameFields, takeName, nameFieldProblems},
		{"compte", accountFields, takeAccount, accountProblems},
		{"fiche", sheetFields, takeSheet, func(*Wizard, state) map[string][]problem { return map[string][]problem{} }},
	}
}

// current is the first step whose answers are missing or wrong; the last one at the end.
func (z *Wizard) current() int {
	for i, s := range z.steps {
		if len(s.wrong(z, z.state)) > 0 {
			return i
		}
	}
	return len(z.steps) - 1
}

func communeFields(z *Wizard) []field {
	return []field{{Name: "commune", Type: "text", Value: z.state.Commune, Autocomplete: "organization"}}
}

func takeCommune(_ *Wizard, _ context.Context, form url.Values, next *state) (map[string][]problem, error) {
	next.Commune = cleanText(form.Get("commune"))
	return nil, nil
}

func communeProblems(_ *Wizard, s state) map[string][]problem {
	return only("commune", nameProblems("commune", s.Commune))
}

func addressFields(z *Wizard) []field {
	return []field{
		{Name: "adresse", Type: "text", Value: z.state.Address, Autocomplete: "off", Code: true},
		{Name: "autres", Type: "radio", Value: z.state.mode(), Choices: modes()},
	}
}

// modes are with which other servers a server can speak, as package policy names them; the first is what the page proposes: what people expect is that the
// neighbouring commune can be reached.
func modes() []string { return []string{"open", "trusted", "closed"} }

func (s *state) mode() string { return cmp.Or(s.Mode, modes()[0]) }

func takeAddress(_ *Wizard, _ context.Context, form url.Values, next *state) (map[string][]problem, error) {
	next.Address = cleanAddress(form.Get("adresse"))
	next.Mode = form.Get("autres")
	return nil, nil
}

func addressFieldProblems(_ *Wizard, s state) map[string][]problem {
	problems := only("adresse", addressProblems(s.Address))
	if !slices.Contains(modes(), s.mode()) {
		maps.Copy(problems, only("autres", []problem{{Key: "autres_missing"}}))
	}
	return problems
}

func nameFields(z *Wizard) []field {
	return []field{{Name: "nom", Type: "text", Value: z.state.Name, Autocomplete: "name"}}
}

func takeName(_ *Wizard, _ context.Context, form url.Values, next *state) (map[string][]problem, error) {
	next.Name = cleanText(form.Get("nom"))
	return nil, nil
}

func nameFieldProblems(_ *Wizard, s state) map[string][]problem {
	return only("nom", nameProblems("name", s.Name))
}

func accountFields(z *Wizard) []field {
	localpart := z.state.Localpart
	if localpart == "" {
		localpart = proposeLocalpart(z.state.Name)
	}
	return []field{
		{Name: "identifiant", Type: "text", Value: localpart, Autocomplete: "username", Code: true},
		{Name: "mot_de_passe", Type: "password", Autocomplete: "new-password", Code: true},
		{Name: "encore", Type: "password", Autocomplete: "new-password", Code: true},
	}
}

// takeAccount keeps the password that was chosen before where none is typed.
func takeAccount(z *Wizard, ctx context.Context, form url.Values, next *state) (map[string][]problem, error) {
	next.Localpart = strings.ToLower(cleanText(form.Get("identifiant")))
	password, again := form.Get("mot_de_passe"), form.Get("encore")
	if password == "" && again == "" {
		return nil, nil
	}
	problems := only("mot_de_passe", passwordProblems(password))
	if len(problems) == 0 && password != again {
		problems = only("encore", []problem{{Key: "password_differs"}})
	}
	if len(problems) > 0 {
		next.Password = ""
		return problems, nil
	}
	var err error
	next.Password, err = z.HashPassword(ctx, password)
	return nil, err
}

func accountProblems(z *Wizard, s state) map[string][]problem {
	problems := only("identifiant", localpartProblems(s.Localpart))
	switch {
	case s.Localpart != "" && s.Localpart == z.Reserved:
		problems = only("identifiant", []problem{{Key: "localpart_taken"}})
	case len(problems) == 0 && len(s.userID()) > maxUserID:
		problems = only("identifiant", []problem{{Key: "localpart_long"}})
	}
	if s.Password == "" {
		maps.Copy(problems, only("mot_de_passe", []problem{{Key: "password_missing"}}))
	}
	return problems
}

func (s *state) userID() string { return "@" + s.Localpart + ":" + s.Address }

func sheetFields(z *Wizard) []field {
	return []field{
		{Name: askedField, Type: "text", Autocomplete: "off", Number: z.sheet.asked[0], Code: true},
		{Name: askedFieldTwo, Type: "text", Autocomplete: "off", Number: z.sheet.asked[1], Code: true},
	}
}

func takeSheet(z *Wizard, _ context.Context, form url.Values, _ *state) (map[string][]problem, error) {
	return z.sheet.typedBack([2]string{form.Get(askedField), form.Get(askedFieldTwo)}), nil
}

func only(name string, problems []problem) map[string][]problem {
	if len(problems) == 0 {
		return map[string][]problem{}
	}
	return map[string][]problem{name: problems}
}

// mark puts the problems to their fields, and what was typed into those that aren't passwords.
func mark(fields []field, problems map[string][]problem, form url.Values) []field {
	for i := range fields {
		fields[i].Problems = problems[fields[i].Name]
		if typed := form[fields[i].Name]; len(typed) > 0 && fields[i].Type != "password" {
			fields[i].Value = typed[0]
		}
	}
	return fields
}

func stepOf(steps []step, path string) int {
	return slices.IndexFunc(steps, func(s step) bool { return s.path == path })
}
