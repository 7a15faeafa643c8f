package console_test

const teamURL = "/groups/dba@example.com"

// adminRounds are the rounds of adminRoutes.
var adminRounds = map[string]round{
	"GET /groups/new":                       {admin: 200, viewer: 403},
	"POST /groups/new":                      {admin: 400, viewer: 403},
	"GET /groups/{email}":                   {at: teamURL, admin: 200, viewer: 403},
	"GET /groups/{email}/edit":              {at: teamURL + "/edit", admin: 200, viewer: 403},
	"POST /groups/{email}/edit":             {at: teamURL + "/edit", admin: 400, viewer: 403},
	"GET /groups/{email}/members":           {at: teamURL + "/members", admin: 200, viewer: 403},
	"POST /groups/{email}/members":          {at: teamURL + "/members", admin: 400, viewer: 403},
	"GET /groups/{email}/members/{member}":  {at: teamURL + "/members/user:admin@example.com", admin: 200, viewer: 403},
	"POST /groups/{email}/members/{member}": {at: teamURL + "/members/user:admin@example.com", admin: 400, viewer: 403},
	"GET /groups/{email}/delete":            {at: teamURL + "/delete", admin: 200, viewer: 403},
	"POST /groups/{email}/delete":           {at: teamURL + "/delete", admin: 409, viewer: 403},

	"GET /members":         {admin: 200, viewer: 403},
	"GET /members/grant":   {admin: 200, viewer: 403},
	"POST /members/grant":  {admin: 400, viewer: 403},
	"GET /members/revoke":  {admin: 200, viewer: 403},
	"POST /members/revoke": {admin: 404, viewer: 403},
}
