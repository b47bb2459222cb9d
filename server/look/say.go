package look

import (
	"io/fs"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Text gives one of the files, for pages that stand alone.
func Text(name string) (string, error) {
	b, err := embedded.ReadFile("files/" + name)
	return string(b), err
}

// Say reads the messages of a language, folder/fr.toml and so on, and gives what templates call for them: by id, with the data of the message where it has some.
func Say(files fs.FS, folder, lang string) (func(id string, data ...any) (string, error), error) {
	bundle := i18n.NewBundle(language.French)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	if _, err := bundle.LoadMessageFileFS(files, folder+"/"+lang+".toml"); err != nil {
		return nil, err
	}
	messages := i18n.NewLocalizer(bundle, lang)
	return func(id string, data ...any) (string, error) {
		c := &i18n.LocalizeConfig{MessageID: id}
		if len(data) > 0 {
			c.TemplateData = data[0]
		}
		return messages.Localize(c)
	}, nil
}
