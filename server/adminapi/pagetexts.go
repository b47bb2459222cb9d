package adminapi

import "strings"

// pageTexts are the words of the pages in one language.
type pageTexts struct {
	Lang, Other, OtherName       string
	Skip, Tagline, Footer, Wrong string
	Title, For, Lead             string
	Password, Hint, Again        string
	Button                       string
	Done, DoneText               string
	Dead, DeadText               string
	Rule                         map[string]string // by passwordrule.Problem.Key; {} is the length
}

var french = pageTexts{
	Lang: "fr", Other: "en", OtherName: "English",
	Skip: "Aller au contenu", Tagline: "La messagerie de la commune", Footer: "Beffroi, la messagerie de la commune.", Wrong: "Erreur :",
	Title: "Choisissez votre mot de passe", For: "Pour le compte",
	Lead:     "Vous seul le connaîtrez : l'administration ne peut ni le choisir, ni le lire. Ce lien ne sert qu'une fois.",
	Password: "Mot de passe", Again: "Le même, encore une fois", Button: "Enregistrer le mot de passe",
	Hint: "Douze caractères avec minuscules, majuscules, chiffres et ponctuation ; ou une phrase de sept mots.",
	Done: "C'est fait", DoneText: "Votre mot de passe est enregistré. Vous pouvez vous connecter avec l'identifiant",
	Dead:     "Ce lien n'est plus valable",
	DeadText: "Il a déjà servi, il a été remplacé ou il a plus de 48 heures. Demandez-en un nouveau à l'administration de la messagerie.",
	Rule: map[string]string{
		"password_missing":    "Choisissez un mot de passe.",
		"password_too_long":   "Le mot de passe est trop long : 512 caractères sans accent au plus.",
		"password_short":      "Le mot de passe est trop court : il a {} caractères, il en faut au moins 12.",
		"password_longer":     "Avec trois sortes de caractères, il en faut au moins 14 : il en a {}.",
		"password_no_lower":   "Il manque une lettre minuscule.",
		"password_no_upper":   "Il manque une lettre majuscule.",
		"password_no_digit":   "Il manque un chiffre.",
		"password_no_special": "Il manque un signe de ponctuation, comme ! ou +.",
		"password_differs":    "Les deux mots de passe ne sont pas les mêmes. Tapez-les de nouveau.",
	},
}

var english = pageTexts{
	Lang: "en", Other: "fr", OtherName: "Français",
	Skip: "Skip to content", Tagline: "The town's messaging", Footer: "Beffroi, the town's messaging.", Wrong: "Error:",
	Title: "Choose your password", For: "For the account",
	Lead:     "Only you will know it: the administration can neither choose nor read it. This link works once.",
	Password: "Password", Again: "The same once more", Button: "Save the password",
	Hint: "Twelve characters with small and capital letters, digits and punctuation; or a sentence of seven words.",
	Done: "Done", DoneText: "Your password is saved. You can log in as",
	Dead:     "This link is not valid any more",
	DeadText: "It was used, it was replaced, or it is older than 48 hours. Ask the administration of the messaging for a new one.",
	Rule: map[string]string{
		"password_missing":    "Choose a password.",
		"password_too_long":   "The password is too long: 512 characters without accents at most.",
		"password_short":      "The password is too short: it has {} characters, and needs at least 12.",
		"password_longer":     "With three kinds of characters it needs at least 14 of them: it has {}.",
		"password_no_lower":   "A lower-case letter is missing.",
		"password_no_upper":   "A capital letter is missing.",
		"password_no_digit":   "A digit is missing.",
		"password_no_special": "A punctuation mark is missing, such as ! or +.",
		"password_differs":    "The two passwords are not the same. Type them again.",
	},
}

// texts are those of the language that was chosen, or else that the browser wants first; French where it wants neither.
func texts(chosen, accepted string) *pageTexts {
	if chosen == "en" || chosen == "" && strings.HasPrefix(strings.TrimSpace(accepted), "en") {
		return &english
	}
	return &french
}
