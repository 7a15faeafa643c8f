package console

import (
	"net/http"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// The types of Add User.
var addTypes = []struct {
	option
	create iam.Permission
}{
	{option{Value: "user", Label: "User"}, iam.UsersCreate},
	{option{Value: "service-account", Label: "Service Account"}, iam.ServiceAccountsCreate},
	{option{Value: "workload-identity", Label: "Workload Identity"}, iam.WorkloadIdentitiesCreate},
}

type newUserPage struct {
	usersPage
	trustChoices
	Form    form
	Types   []option
	Roles   []option // nil where the visitor may grant none
	Preview preview
}

// addable returns the types that the visitor may add.
func (c *Console) addable(v visit) []option {
	var types []option
	for _, t := range addTypes {
		if v.everywhere[t.create] {
			types = append(types, t.option)
		}
	}
	return types
}

func (c *Console) newUserForm(v visit) error {
	f := form{Values: v.r.URL.Query()}
	for name, usual := range map[string]string{"type": "user", "platform": string(slipway.GitLab), "refs": "all"} {
		if f.Get(name) == "" {
			f.Set(name, usual)
		}
	}
	return c.newUser(v, f)
}

// newUser shows Add User over the list.
func (c *Console) newUser(v visit, f form) error {
	p := newUserPage{Form: f, Types: c.addable(v), trustChoices: allTrustChoices}
	if len(p.Types) == 0 {
		return c.Access.See(v.ctx(), v.who, access.Sight{Permission: iam.UsersCreate, Page: v.r.Pattern})
	}
	var err error
	if v.everywhere[iam.UsersList] { // without it there is a form and no list
		p.usersPage, err = c.usersList(v, "Add User")
	} else {
		p.usersPage = usersPage{Frame: c.frame(v, "Add User", "/users")}
	}
	if err != nil {
		return err
	}
	p.Sheet = &Sheet{Title: "Add User", Close: "/users"}
	if p.Roles, err = c.roleOptions(v); err != nil {
		return err
	}
	p.Preview = c.previewOf(f, p.Roles)
	return c.showForm(v, "user_new", f, p)
}

// roleOptions returns the roles that the visitor may grant on the workspace,
// nil where it may grant none.
func (c *Console) roleOptions(v visit) ([]option, error) {
	if !v.everywhere[iam.WorkspacesSetIamPolicy] || !v.everywhere[iam.WorkspacesGetIamPolicy] || !v.everywhere[iam.RolesList] {
		return nil, nil
	}
	roles, err := c.Access.Roles(v.ctx(), v.who)
	list := []option{}
	for _, r := range roles {
		list = append(list, option{Value: r.Name(), Label: r.Title, Title: r.Description})
	}
	// What a pipeline needs comes first: it is what most forms are for.
	slices.SortStableFunc(list, func(a, b option) int { return rank(a) - rank(b) })
	return list, err
}

func rank(o option) int {
	if o.Value == iam.GitOpsServiceAgent {
		return 0
	}
	return 1
}

// preview answers what the form amounts to as it is being filled in.
func (c *Console) preview(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	roles, err := c.roleOptions(v)
	if err != nil {
		return err
	}
	return c.showPart(v, "user_new", "previewed", c.previewOf(f, roles))
}

// previewOf says what f amounts to, on a copy: what is wrong is not yet blamed.
func (c *Console) previewOf(f form, roles []option) preview {
	tried := form{Values: f.Values}
	t := trustOf(&tried, slipway.Trust{})
	var titles []string
	for _, r := range roles {
		if slices.Contains(f.Values["roles"], r.Value) {
			titles = append(titles, r.Label)
		}
	}
	return newPreview(tried, t, titles)
}

// addUser makes what the form describes and grants it the chosen roles.
func (c *Console) addUser(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	var made made
	switch f.Get("type") {
	case "user":
		made, err = c.addPerson(v, &f)
	case "service-account":
		made, err = c.addServiceAccount(v, &f)
	case "workload-identity":
		made, err = c.addIdentity(v, &f)
	default:
		f.blame("type", "choose whom to add")
	}
	if err != nil {
		if err = f.take(err); err != nil {
			return err
		}
	}
	if !f.ok() {
		return c.newUser(v, f)
	}
	trouble := ""
	if roles := f.Values["roles"]; len(roles) > 0 {
		if err := c.Access.Grant(v.ctx(), v.who, slipway.WorkspaceName, made.member(), roles); err != nil {
			trouble = made.title + " was added, but holds no role: " + slipway.MessageOf(err)
		}
	}
	if made.key != "" {
		return c.showKey(v, made, trouble)
	}
	if trouble != "" {
		return c.trouble(v, made.url(), sentence(trouble))
	}
	return c.done(v, made.url(), made.title+" was added.")
}

// made is an account that was just made.
type made struct {
	kind         slipway.PrincipalKind
	email, title string
	key          slipway.Secret // of a service account
}

func (m made) member() string { return string(m.kind) + ":" + m.email }
func (m made) url() string    { return accountURL(m.kind, m.email) }

func (c *Console) addPerson(v visit, f *form) (made, error) {
	n := access.NewUser{Email: typed(f.Values, "email"), Title: typed(f.Values, "title"), Password: slipway.Secret(f.Get("password"))}
	if _, err := slipway.CheckEmail(n.Email); err != nil {
		f.blame("email", slipway.MessageOf(err))
	}
	if n.Title != "" {
		f.check("title", slipway.CheckTitle("user", n.Title))
	}
	if err := access.CheckPassword(n.Password); err != nil {
		f.blame("password", slipway.MessageOf(err))
	}
	if !f.ok() {
		return made{}, nil
	}
	u, err := c.Access.CreateUser(v.ctx(), v.who, n)
	if slipway.KindOf(err) == slipway.Exists {
		f.taken("email", n.Email)
		return made{}, nil
	}
	return made{kind: slipway.UserKind, email: u.Email, title: u.Title}, err
}

func (c *Console) addServiceAccount(v visit, f *form) (made, error) {
	id, title := strings.TrimSuffix(typed(f.Values, "service_id"), "@"+slipway.ServiceAccountDomain), typed(f.Values, "title")
	f.check("service_id", slipway.CheckID("email", id))
	if title != "" {
		f.check("title", slipway.CheckTitle("service account", title))
	}
	if !f.ok() {
		return made{}, nil
	}
	a, key, err := c.Access.CreateServiceAccount(v.ctx(), v.who, "", id, title)
	if slipway.KindOf(err) == slipway.Exists {
		f.taken("service_id", id+"@"+slipway.ServiceAccountDomain)
		return made{}, nil
	}
	return made{kind: slipway.ServiceAccountKind, email: a.Email, title: a.Title, key: key}, err
}

func (c *Console) addIdentity(v visit, f *form) (made, error) {
	id, title := strings.TrimSuffix(typed(f.Values, "id"), "@"+slipway.WorkloadIdentityDomain), typed(f.Values, "title")
	f.check("id", slipway.CheckID("email", id))
	if title != "" {
		f.check("title", slipway.CheckTitle("workload identity", title))
	}
	t := trustOf(f, slipway.Trust{})
	if !f.ok() {
		return made{}, nil
	}
	w, err := c.Access.CreateWorkloadIdentity(v.ctx(), v.who, access.NewWorkloadIdentity{ID: id, Title: title, Trust: t})
	if slipway.KindOf(err) == slipway.Exists {
		f.taken("id", id+"@"+slipway.WorkloadIdentityDomain)
		return made{}, nil
	}
	return made{kind: slipway.WorkloadIdentityKind, email: w.Email, title: w.Title}, err
}

// taken blames a field that holds a name which somebody has, or had, already.
func (f *form) taken(field, name string) {
	f.blame(field, name+" is taken, perhaps by an account that is deactivated: choose another")
	f.status = http.StatusConflict
}

// check blames a field for err, unless that is nil.
func (f *form) check(field string, err error) {
	if err != nil {
		f.blame(field, slipway.MessageOf(err))
	}
}

type keyPage struct {
	Frame
	Name, Email, Key, Next string
}

// showKey shows the key of a service account, this once.
func (c *Console) showKey(v visit, m made, trouble string) error {
	p := keyPage{Frame: c.frame(v, "Key of "+m.title, "/users"), Name: m.title, Email: m.email, Key: m.key.Reveal(), Next: m.url()}
	p.Trouble = sentence(trouble)
	return c.show(v, "key", p)
}
