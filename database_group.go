package slipway

import (
	"fmt"
	"time"
)

// A DatabaseGroup stands for those databases of a project for which a condition
// holds. Plans and checks that name it take the databases of that moment: one
// that comes to fit later is in neither.
type DatabaseGroup struct {
	Project string
	ID      string
	Title   string
	Expr    string // CEL over resource.environment_id and the like
	Created time.Time
}

// Name returns "projects/shop/databaseGroups/all-prod".
func (g DatabaseGroup) Name() string {
	return fmt.Sprintf("projects/%s/databaseGroups/%s", g.Project, g.ID)
}
