package console_test

import (
	"slipway"
	"slipway/internal/iam"
)

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

	"GET /users/{email}/reset-link":  {at: "/users/zoe@example.com/reset-link", admin: 200, viewer: 403},
	"POST /users/{email}/reset-link": {at: "/users/zoe@example.com/reset-link", admin: 404, viewer: 403},

	"GET /members":         {admin: 200, viewer: 403},
	"GET /members/grant":   {admin: 200, viewer: 403},
	"POST /members/grant":  {admin: 400, viewer: 403},
	"GET /members/revoke":  {admin: 200, viewer: 403},
	"POST /members/revoke": {admin: 404, viewer: 403},

	"GET /roles":              {admin: 200, viewer: 200},
	"GET /roles/new":          {admin: 200, viewer: 403},
	"POST /roles/new":         {admin: 400, viewer: 403},
	"GET /roles/{id}":         {at: "/roles/projectViewer", admin: 200, viewer: 200},
	"GET /roles/{id}/edit":    {at: "/roles/keeper/edit", admin: 200, viewer: 403},
	"POST /roles/{id}/edit":   {at: "/roles/keeper/edit", admin: 400, viewer: 403},
	"GET /roles/{id}/delete":  {at: "/roles/keeper/delete", admin: 200, viewer: 403},
	"POST /roles/{id}/delete": {at: "/roles/projectViewer/delete", admin: 409, viewer: 403},

	"GET /settings":                           {admin: 200, viewer: 200},
	"POST /settings/environments/order":       {admin: 400, viewer: 403},
	"GET /settings/environments/new":          {admin: 200, viewer: 403},
	"POST /settings/environments/new":         {admin: 400, viewer: 403},
	"GET /settings/environments/{id}/edit":    {at: "/settings/environments/prod/edit", admin: 200, viewer: 403},
	"POST /settings/environments/{id}/edit":   {at: "/settings/environments/prod/edit", admin: 400, viewer: 403},
	"GET /settings/environments/{id}/delete":  {at: "/settings/environments/prod/delete", admin: 200, viewer: 403},
	"POST /settings/environments/{id}/delete": {at: "/settings/environments/nope/delete", admin: 404, viewer: 403},
	"GET /settings/issuers":                   {admin: 200, viewer: 403},
	"POST /settings/issuers/ask":              {admin: 404, viewer: 403},
	"GET /settings/sign-in":                   {admin: 200, viewer: 403},
	"GET /settings/sign-in/provider":          {admin: 200, viewer: 403},
	"POST /settings/sign-in/provider":         {admin: 400, viewer: 403},

	"GET /search":       {at: "/search?q=shop", admin: 200, viewer: 200},
	"GET /audit":        {admin: 200, viewer: 403},
	"GET /audit/export": {at: "/audit/export?format=csv", admin: 200, viewer: 403},
	"GET /audit/{id}":   {at: "/audit/1", admin: 200, viewer: 403},
}

// furnishAdmin makes what URLs of adminRounds name.
func furnishAdmin(w *world) {
	w.t.Helper()
	w.team(w.admin)
	w.grant("projects/shop", iam.ProjectViewer, "group:"+teamEmail) // which keeps it from being deleted
	keeper := slipway.Role{ID: "keeper", Title: "Keeper of roles", Permissions: []string{string(iam.RolesUpdate)}}
	if _, err := w.access.CreateRole(w.t.Context(), w.admin, keeper); err != nil {
		w.t.Fatal(err)
	}
}
