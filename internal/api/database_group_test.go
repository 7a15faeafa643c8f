package api_test

import "testing"

func TestDatabaseGroups(t *testing.T) {
	s := newShop(t)
	s.call(200, "POST", "/v1/projects?projectId=shop", tree{"title": "Shop"})
	s.call(200, "POST", "/v1/instances?instanceId=lite", tree{
		"title": "Lite", "engine": "SQLITE", "environment": "environments/test", "dataSources": []tree{{"id": "admin", "type": "ADMIN", "host": s.database("test")}},
	})
	s.call(200, "POST", "/v1/instances/lite:sync", tree{})
	s.call(200, "PATCH", "/v1/instances/lite/databases/shop?updateMask=project", tree{"project": "projects/shop"})
	at := "/v1/projects/shop/databaseGroups"
	const on = `resource.database_name == "shop"`
	group := tree{"title": "Shops", "databaseExpr": tree{"expression": on}}
	s.call(200, "POST", at+"?databaseGroupId=shops&validateOnly=true", group).is(t, "instances/lite/databases/shop", "matchedDatabases", 0, "name")
	s.call(404, "GET", at+"/shops", nil)
	made := s.call(200, "POST", at+"?databaseGroupId=shops", group)
	made.is(t, "projects/shop/databaseGroups/shops", "name")
	made.is(t, on, "databaseExpr", "expression")
	s.call(409, "POST", at+"?databaseGroupId=shops", group)
	s.call(400, "POST", at+"?databaseGroupId=bad", tree{"databaseExpr": tree{"expression": "nonsense"}})
	s.call(501, "POST", at+"?databaseGroupId=words", tree{"databaseExpr": tree{"expression": "true", "description": "all"}})

	changed := s.call(200, "PATCH", at+"/shops?updateMask=databaseExpr", tree{"title": "left alone", "databaseExpr": tree{"expression": "true"}})
	changed.is(t, "Shops", "title") // which the mask does not name
	s.call(400, "PATCH", at+"/shops?updateMask=name", group)
	s.call(501, "PATCH", at+"/shops?allowMissing=true", group)
	for view, want := range map[string]bool{"": false, "?view=DATABASE_GROUP_VIEW_BASIC": false, "?view=DATABASE_GROUP_VIEW_FULL": true} {
		got := s.call(200, "GET", at+"/shops"+view, nil)
		if _, full := got["matchedDatabases"]; full != want {
			t.Errorf("view %q: %v", view, got)
		}
		s.call(200, "GET", at+view, nil).is(t, "true", "databaseGroups", 0, "databaseExpr", "expression")
	}
	s.call(200, "DELETE", at+"/shops", nil)
	s.call(404, "DELETE", at+"/shops", nil)
}
