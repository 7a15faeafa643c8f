package console

import (
	"net/http"
	"slices"

	"slipway"
	"slipway/internal/iam"
)

// A route is a page or an act.
type route struct {
	pattern string // of http.ServeMux
	answer  handler
	// needs is what whoever asks has to hold: in the project, where the pattern
	// has {project}, else on the workspace. "" lets in everyone who is signed
	// in; what the answer calls asks for more.
	needs iam.Permission
}

// routes is every page there is for people who are signed in. A navigation
// entry shows when its page is among them and the caller holds what it needs.
func (c *Console) routes() []route {
	return slices.Concat(c.workRoutes(), c.adminRoutes(), []route{
		{"GET /{$}", c.home, ""},
		{"POST /signout", c.signOut, ""},
		{"GET /users", c.users, iam.UsersList},
		{"GET /users/new", c.newUserForm, ""}, // what it may add, it asks itself
		{"POST /users/new", c.addUser, ""},
		{"POST /users/preview", c.preview, ""},
		{"GET /users/{email}", c.person, ""}, // oneself, or by permission
		{"GET /users/{email}/edit", c.editPersonForm, iam.UsersUpdate},
		{"POST /users/{email}/edit", c.editPerson, iam.UsersUpdate},
		{"GET /users/{email}/deactivate", c.deletePerson, iam.UsersDelete},
		{"POST /users/{email}/deactivate", c.deletePerson, iam.UsersDelete},
		{"POST /users/{email}/restore", c.undeletePerson, iam.UsersUndelete},
		{"GET /users/{email}/reset-link", c.resetLink, iam.UsersUpdate},
		{"POST /users/{email}/reset-link", c.resetLink, iam.UsersUpdate},

		// A project can own these: verbs ask in the owner's name.
		{"GET /service-accounts/{email}", c.serviceAccount, ""},
		{"GET /service-accounts/{email}/edit", c.editServiceAccountForm, ""},
		{"POST /service-accounts/{email}/edit", c.editServiceAccount, ""},
		{"GET /service-accounts/{email}/reset-key", c.resetKey, ""},
		{"POST /service-accounts/{email}/reset-key", c.resetKey, ""},
		{"GET /service-accounts/{email}/deactivate", c.deleteServiceAccount, ""},
		{"POST /service-accounts/{email}/deactivate", c.deleteServiceAccount, ""},
		{"POST /service-accounts/{email}/restore", c.undeleteServiceAccount, ""},
		{"GET /workload-identities/{email}", c.workloadIdentity, ""},
		{"GET /workload-identities/{email}/edit", c.editIdentityForm, ""},
		{"POST /workload-identities/{email}/edit", c.editIdentity, ""},
		{"GET /workload-identities/{email}/exchanges", c.exchanges, ""},
		{"GET /workload-identities/{email}/test", c.trialForm, ""},
		{"POST /workload-identities/{email}/test", c.trial, ""},
		{"GET /workload-identities/{email}/pipeline", c.identityPipeline, ""},
		{"GET /workload-identities/{email}/deactivate", c.deleteIdentity, ""},
		{"POST /workload-identities/{email}/deactivate", c.deleteIdentity, ""},
		{"POST /workload-identities/{email}/restore", c.undeleteIdentity, ""},
		{"GET /exchanges/{reference}", c.exchange, ""},

		{"GET /account", c.account, ""},
		{"POST /account/profile", c.saveProfile, ""},
		{"POST /account/password", c.changePassword, ""},
		{"POST /account/theme", c.saveTheme, ""},
		{"POST /account/sessions/{id}/end", c.endSession, ""},
		{"POST /account/sessions/end", c.endSessions, ""},
		{"/", c.nowhere, ""},
	})
}

// An open route is a page or an act that nobody has to be signed in for.
type openRoute struct {
	pattern string
	answer  http.HandlerFunc
}

// openRoutes is every one of them, beside the assets.
func (c *Console) openRoutes() []openRoute {
	return []openRoute{
		{"GET /signin", c.signInForm},
		{"POST /signin", c.signIn},
		{"GET /signin/provider", c.beginSignIn},
		{"GET /signin/callback", c.finishSignIn},
		{"GET /setup", c.setupForm},
		{"POST /setup", c.setup},
	}
}

// handler joins the routes.
func (c *Console) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", c.assets)
	for _, r := range c.openRoutes() {
		mux.HandleFunc(r.pattern, r.answer)
	}
	c.needs = map[string]string{}
	for _, r := range c.routes() {
		c.needs[r.pattern] = string(r.needs)
		mux.Handle(r.pattern, c.page(r))
	}
	return mux
}

func (c *Console) nowhere(visit) error {
	return slipway.Errorf(slipway.NotFound, "There is no page at this address.")
}
