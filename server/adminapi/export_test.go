package adminapi

// Texts gives the words of the pages in a language.
func Texts(language string) any { return *texts(language, "") }
