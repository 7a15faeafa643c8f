package store

import (
	"context"
	"time"

	"slipway"
)

func (tx *Tx) CreateUser(ctx context.Context, u slipway.User) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateUser is not built yet")
}

func (tx *Tx) UpdateUser(ctx context.Context, u slipway.User) error {
	return slipway.Errorf(slipway.Unimplemented, "UpdateUser is not built yet")
}

func (r Reader) User(ctx context.Context, email string) (v slipway.User, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "User is not built yet")
}

func (r Reader) Users(ctx context.Context, q UserQuery, page slipway.Page) ([]slipway.User, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Users is not built yet")
}

func (r Reader) CountUsers(ctx context.Context) (v int, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "CountUsers is not built yet")
}

func (tx *Tx) CreateServiceAccount(ctx context.Context, a slipway.ServiceAccount) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateServiceAccount is not built yet")
}

func (tx *Tx) UpdateServiceAccount(ctx context.Context, a slipway.ServiceAccount) error {
	return slipway.Errorf(slipway.Unimplemented, "UpdateServiceAccount is not built yet")
}

func (r Reader) ServiceAccount(ctx context.Context, email string) (v slipway.ServiceAccount, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "ServiceAccount is not built yet")
}

func (r Reader) ServiceAccounts(ctx context.Context, q AccountQuery, page slipway.Page) ([]slipway.ServiceAccount, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "ServiceAccounts is not built yet")
}

func (tx *Tx) CreateWorkloadIdentity(ctx context.Context, w slipway.WorkloadIdentity) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateWorkloadIdentity is not built yet")
}

func (tx *Tx) UpdateWorkloadIdentity(ctx context.Context, w slipway.WorkloadIdentity, fromRevision int64) error {
	return slipway.Errorf(slipway.Unimplemented, "UpdateWorkloadIdentity is not built yet")
}

func (r Reader) WorkloadIdentity(ctx context.Context, email string) (v slipway.WorkloadIdentity, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "WorkloadIdentity is not built yet")
}

func (r Reader) WorkloadIdentities(ctx context.Context, q AccountQuery, page slipway.Page) ([]slipway.WorkloadIdentity, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "WorkloadIdentities is not built yet")
}

func (tx *Tx) CreateRole(ctx context.Context, role slipway.Role) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateRole is not built yet")
}

func (tx *Tx) UpdateRole(ctx context.Context, role slipway.Role) error {
	return slipway.Errorf(slipway.Unimplemented, "UpdateRole is not built yet")
}

func (tx *Tx) DeleteRole(ctx context.Context, id string) error {
	return slipway.Errorf(slipway.Unimplemented, "DeleteRole is not built yet")
}

func (r Reader) Role(ctx context.Context, id string) (v slipway.Role, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Role is not built yet")
}

func (r Reader) Roles(ctx context.Context) (v []slipway.Role, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Roles is not built yet")
}

func (r Reader) Policy(ctx context.Context, resource string) (v slipway.Policy, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Policy is not built yet")
}

func (tx *Tx) SetPolicy(ctx context.Context, resource string, p slipway.Policy) (v slipway.Policy, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "SetPolicy is not built yet")
}

func (tx *Tx) CreateSession(ctx context.Context, session Session) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateSession is not built yet")
}

func (r Reader) Session(ctx context.Context, hash string) (v Session, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Session is not built yet")
}

func (tx *Tx) DeleteSession(ctx context.Context, hash string) error {
	return slipway.Errorf(slipway.Unimplemented, "DeleteSession is not built yet")
}

func (tx *Tx) DeleteSessionsOf(ctx context.Context, email string) error {
	return slipway.Errorf(slipway.Unimplemented, "DeleteSessionsOf is not built yet")
}

func (tx *Tx) TouchSession(ctx context.Context, hash string, used time.Time) error {
	return slipway.Errorf(slipway.Unimplemented, "TouchSession is not built yet")
}

func (tx *Tx) AddSigningKey(ctx context.Context, k SigningKey) error {
	return slipway.Errorf(slipway.Unimplemented, "AddSigningKey is not built yet")
}

func (r Reader) SigningKeys(ctx context.Context) (v []SigningKey, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "SigningKeys is not built yet")
}

func (tx *Tx) DropSigningKeys(ctx context.Context, before time.Time) error {
	return slipway.Errorf(slipway.Unimplemented, "DropSigningKeys is not built yet")
}

func (tx *Tx) AddExchange(ctx context.Context, e slipway.Exchange) error {
	return slipway.Errorf(slipway.Unimplemented, "AddExchange is not built yet")
}

func (r Reader) Exchange(ctx context.Context, reference string) (v slipway.Exchange, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Exchange is not built yet")
}

func (r Reader) Exchanges(ctx context.Context, q ExchangeQuery, page slipway.Page) ([]slipway.Exchange, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Exchanges is not built yet")
}

func (tx *Tx) AddAudit(ctx context.Context, e slipway.AuditEntry) error {
	return slipway.Errorf(slipway.Unimplemented, "AddAudit is not built yet")
}

func (r Reader) AuditEntries(ctx context.Context, q AuditQuery, page slipway.Page) ([]slipway.AuditEntry, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "AuditEntries is not built yet")
}

func (r Reader) Setting(ctx context.Context, key string) (v []byte, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Setting is not built yet")
}

func (tx *Tx) PutSetting(ctx context.Context, key string, value []byte) error {
	return slipway.Errorf(slipway.Unimplemented, "PutSetting is not built yet")
}

func (tx *Tx) CreateProject(ctx context.Context, p slipway.Project) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateProject is not built yet")
}

func (tx *Tx) UpdateProject(ctx context.Context, p slipway.Project) error {
	return slipway.Errorf(slipway.Unimplemented, "UpdateProject is not built yet")
}

func (r Reader) Project(ctx context.Context, id string) (v slipway.Project, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Project is not built yet")
}

func (r Reader) Projects(ctx context.Context, q ProjectQuery, page slipway.Page) ([]slipway.Project, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Projects is not built yet")
}

func (tx *Tx) CreateInstance(ctx context.Context, i slipway.Instance) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateInstance is not built yet")
}

func (tx *Tx) UpdateInstance(ctx context.Context, i slipway.Instance) error {
	return slipway.Errorf(slipway.Unimplemented, "UpdateInstance is not built yet")
}

func (r Reader) Instance(ctx context.Context, id string) (v slipway.Instance, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Instance is not built yet")
}

func (r Reader) Instances(ctx context.Context, q InstanceQuery, page slipway.Page) ([]slipway.Instance, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Instances is not built yet")
}

func (tx *Tx) PutDatabase(ctx context.Context, d slipway.Database) error {
	return slipway.Errorf(slipway.Unimplemented, "PutDatabase is not built yet")
}

func (r Reader) Database(ctx context.Context, ref slipway.DatabaseRef) (v slipway.Database, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Database is not built yet")
}

func (r Reader) Databases(ctx context.Context, q DatabaseQuery, page slipway.Page) ([]slipway.Database, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Databases is not built yet")
}

func (tx *Tx) PutSheet(ctx context.Context, project string, content []byte) (v string, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "PutSheet is not built yet")
}

func (r Reader) Sheet(ctx context.Context, project, sha256 string) (v slipway.Sheet, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Sheet is not built yet")
}

func (r Reader) NextIteration(ctx context.Context, project, train string) (v int, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "NextIteration is not built yet")
}

func (tx *Tx) NextIteration(ctx context.Context, project, train string) (v int, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "NextIteration is not built yet")
}

func (tx *Tx) CreateRelease(ctx context.Context, rel slipway.Release, train string, iteration int) error {
	return slipway.Errorf(slipway.Unimplemented, "CreateRelease is not built yet")
}

func (tx *Tx) SetReleaseDeleted(ctx context.Context, project, id string, deleted bool) error {
	return slipway.Errorf(slipway.Unimplemented, "SetReleaseDeleted is not built yet")
}

func (r Reader) Release(ctx context.Context, project, id string) (v slipway.Release, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Release is not built yet")
}

func (r Reader) ReleaseByDigest(ctx context.Context, project, digest string) (v slipway.Release, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "ReleaseByDigest is not built yet")
}

func (r Reader) Releases(ctx context.Context, q ReleaseQuery, page slipway.Page) ([]slipway.Release, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Releases is not built yet")
}

func (r Reader) ReleaseCategories(ctx context.Context, project string) (v []string, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "ReleaseCategories is not built yet")
}

func (tx *Tx) CreatePlan(ctx context.Context, p slipway.Plan) (v slipway.Plan, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "CreatePlan is not built yet")
}

func (r Reader) Plan(ctx context.Context, project string, id int64) (v slipway.Plan, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Plan is not built yet")
}

func (r Reader) PlanByDigest(ctx context.Context, project, digest string) (v slipway.Plan, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "PlanByDigest is not built yet")
}

func (r Reader) Plans(ctx context.Context, project string, page slipway.Page) ([]slipway.Plan, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Plans is not built yet")
}

func (tx *Tx) CreateRollout(ctx context.Context, ro slipway.Rollout) (v slipway.Rollout, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "CreateRollout is not built yet")
}

func (r Reader) Rollout(ctx context.Context, project string, plan int64) (v slipway.Rollout, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Rollout is not built yet")
}

func (r Reader) Rollouts(ctx context.Context, project string, page slipway.Page) ([]slipway.Rollout, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Rollouts is not built yet")
}

func (r Reader) Task(ctx context.Context, id int64) (v slipway.Task, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Task is not built yet")
}

func (tx *Tx) SkipTask(ctx context.Context, id int64, reason string) error {
	return slipway.Errorf(slipway.Unimplemented, "SkipTask is not built yet")
}

func (tx *Tx) CreateTaskRun(ctx context.Context, run slipway.TaskRun) (v slipway.TaskRun, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "CreateTaskRun is not built yet")
}

func (r Reader) TaskRun(ctx context.Context, id int64) (v slipway.TaskRun, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "TaskRun is not built yet")
}

func (r Reader) TaskRuns(ctx context.Context, project string, plan int64, env string, taskID int64) (v []slipway.TaskRun, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "TaskRuns is not built yet")
}

func (r Reader) OwedTaskRuns(ctx context.Context, now time.Time) (v []slipway.TaskRun, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "OwedTaskRuns is not built yet")
}

func (tx *Tx) MoveTaskRun(ctx context.Context, run slipway.TaskRun, from slipway.Status) error {
	return slipway.Errorf(slipway.Unimplemented, "MoveTaskRun is not built yet")
}

func (tx *Tx) ClaimTaskRun(ctx context.Context, id int64, holder string, until time.Time) (run slipway.TaskRun, claimed bool, err error) {
	return run, false, slipway.Errorf(slipway.Unimplemented, "ClaimTaskRun is not built yet")
}

func (tx *Tx) RenewLease(ctx context.Context, id, fence int64, until time.Time) (v bool, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "RenewLease is not built yet")
}

func (tx *Tx) SetSession(ctx context.Context, id, fence int64, session string) error {
	return slipway.Errorf(slipway.Unimplemented, "SetSession is not built yet")
}

func (tx *Tx) SetProgress(ctx context.Context, id, fence int64, done, all int) error {
	return slipway.Errorf(slipway.Unimplemented, "SetProgress is not built yet")
}

func (tx *Tx) RequestCancel(ctx context.Context, id int64) error {
	return slipway.Errorf(slipway.Unimplemented, "RequestCancel is not built yet")
}

func (r Reader) CancelRequested(ctx context.Context, id int64) (v bool, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "CancelRequested is not built yet")
}

func (tx *Tx) AddLog(ctx context.Context, runID int64, entries []slipway.LogEntry) error {
	return slipway.Errorf(slipway.Unimplemented, "AddLog is not built yet")
}

func (r Reader) Log(ctx context.Context, runID int64) (v []slipway.LogEntry, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Log is not built yet")
}

func (tx *Tx) PutRevisions(ctx context.Context, ref slipway.DatabaseRef, revs []slipway.Revision) error {
	return slipway.Errorf(slipway.Unimplemented, "PutRevisions is not built yet")
}

func (tx *Tx) PutRevision(ctx context.Context, rev slipway.Revision) error {
	return slipway.Errorf(slipway.Unimplemented, "PutRevision is not built yet")
}

func (r Reader) Revisions(ctx context.Context, ref slipway.DatabaseRef, showDeleted bool, page slipway.Page) ([]slipway.Revision, string, error) {
	return nil, "", slipway.Errorf(slipway.Unimplemented, "Revisions is not built yet")
}

func (r Reader) Revision(ctx context.Context, ref slipway.DatabaseRef, id string) (v slipway.Revision, err error) {
	return v, slipway.Errorf(slipway.Unimplemented, "Revision is not built yet")
}

func (tx *Tx) Enqueue(ctx context.Context, runID int64, at time.Time) error {
	return slipway.Errorf(slipway.Unimplemented, "Enqueue is not built yet")
}
