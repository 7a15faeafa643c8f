package console

// Routes returns every pattern for people who are signed in, with the
// permission that it needs.
func Routes() map[string]string {
	list := map[string]string{}
	for _, r := range new(Console).routes() {
		list[r.pattern] = string(r.needs)
	}
	return list
}

// OpenRoutes returns every pattern that nobody has to be signed in for.
func OpenRoutes() []string {
	var list []string
	for _, r := range new(Console).openRoutes() {
		list = append(list, r.pattern)
	}
	return list
}

// A Pipeline is what a .gitlab-ci.yml is made from.
type Pipeline = pipeline

// StatusOf and Kinds are the console's table of kinds.
var StatusOf = statusOf

// LoadEveryTemplate parses every page as if it were shown.
func LoadEveryTemplate() (int, error) {
	c := new(Console)
	pages, err := loadTemplates(c.functions())
	if err != nil {
		return 0, err
	}
	for _, page := range pages {
		if _, err := page(); err != nil {
			return 0, err
		}
	}
	return len(pages), nil
}
