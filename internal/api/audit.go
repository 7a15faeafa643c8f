package api

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// auditLogs serves AuditLogService.
type auditLogs struct {
	pb.UnimplementedAuditLogServiceHandler
	access *access.Service
}

// SearchAuditLogs lists audit entries, newest first. A filter by resource finds
// what lies beneath it too.
func (h auditLogs) SearchAuditLogs(ctx context.Context, req *pb.SearchAuditLogsRequest) (*pb.SearchAuditLogsResponse, error) {
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	q, err := auditQuery(req)
	if err != nil {
		return nil, err
	}
	list, next, err := h.access.Audit(ctx, caller(ctx), q, page)
	if err != nil {
		return nil, err
	}
	resp := &pb.SearchAuditLogsResponse{NextPageToken: pageToken(req, next)}
	for _, e := range list {
		// The store looks for a beginning, which "projects/shop" is of
		// "projects/shop-2" as well. A page may hold less than its size.
		if q.Resource != "" && e.Resource != q.Resource && !strings.HasPrefix(e.Resource, q.Resource+"/") {
			continue
		}
		log, err := auditToPB(e)
		if err != nil {
			return nil, err
		}
		resp.AuditLogs = append(resp.AuditLogs, log)
	}
	return resp, nil
}

func auditQuery(req *pb.SearchAuditLogsRequest) (access.AuditQuery, error) {
	var q access.AuditQuery
	if o := strings.Join(strings.Fields(req.GetOrderBy()), " "); o != "" && o != "create_time desc" {
		return q, slipway.Errorf(slipway.Invalid, "order_by %.60q: the audit log is read newest first, create_time desc", req.GetOrderBy())
	}
	if req.GetParent() != "" && req.GetParent() != "projects/-" {
		project, err := ownerOf(req.GetParent())
		if err != nil {
			return q, err
		}
		q.Project = project
	}
	terms, err := parseFilter(req.GetFilter(), map[string]filterField{
		"user": textField(equals), "method": textField(equals), "resource": textField(equals),
		"severity": textField(equals), "create_time": timeField(),
	})
	if err != nil {
		return q, err
	}
	for _, t := range terms {
		switch t.field {
		case "user":
			q.Caller, err = memberOf(t.text)
		case "method":
			q.Method = t.text
		case "resource":
			q.Resource = strings.TrimSuffix(t.text, "/")
		case "severity":
			if t.text != pb.AuditLog_ERROR.String() {
				err = slipway.Errorf(slipway.Invalid, "filter: severity can be compared with \"ERROR\", which is what failed or was refused")
			}
			q.OnlyFailed = true
		case "create_time":
			if t.op == atLeast {
				q.Since = t.time
			} else {
				// The query ends before Until; the log counts microseconds.
				q.Until = t.time.Add(1000)
			}
		}
		if err != nil {
			return q, err
		}
	}
	return q, nil
}

// memberOf returns whom "users/{email}" means, by the address's domain.
func memberOf(name string) (string, error) {
	email, err := one("users/*", name)
	if err != nil {
		return "", err
	}
	kind := slipway.UserKind
	switch {
	case strings.HasSuffix(email, "@"+slipway.WorkloadIdentityDomain):
		kind = slipway.WorkloadIdentityKind
	case strings.HasSuffix(email, "@"+slipway.ServiceAccountDomain):
		kind = slipway.ServiceAccountKind
	}
	return slipway.Principal{Kind: kind, Email: strings.ToLower(email)}.Member(), nil
}

func auditToPB(e slipway.AuditEntry) (*pb.AuditLog, error) {
	log := &pb.AuditLog{
		Name: fmt.Sprintf("auditLogs/%d", e.ID), CreateTime: instantToPB(e.Time),
		Method: e.Method, Severity: pb.AuditLog_INFO, Resource: e.Resource, Request: e.Request, Response: e.Response,
		Latency:         durationpb.New(e.Latency),
		RequestMetadata: &pb.RequestMetadata{CallerIp: e.Caller.Origin.IP, CallerSuppliedUserAgent: e.Caller.Origin.UserAgent},
	}
	if e.Project != "" {
		log.Name = fmt.Sprintf("projects/%s/%s", e.Project, log.Name)
	}
	if !e.Caller.IsZero() {
		log.User = e.Caller.Name()
	}
	if !e.OK() {
		log.Severity = pb.AuditLog_ERROR
		log.Status = &status.Status{Code: int32(codes[e.Kind]), Message: e.Message}
	}
	if e.Caller.Job != nil {
		job, err := anypb.New(jobToPB(*e.Caller.Job))
		if err != nil {
			return nil, fmt.Errorf("write the job of audit entry %d: %w", e.ID, err)
		}
		log.ServiceData = job
	}
	return log, nil
}

func jobToPB(j slipway.Job) *pb.JobInfo {
	return &pb.JobInfo{
		Issuer: j.Issuer, ProjectPath: j.ProjectPath, ProjectId: j.ProjectID, Ref: j.Ref, RefType: j.RefType, Sha: j.SHA,
		PipelineId: j.PipelineID, JobId: j.JobID, UserLogin: j.UserLogin, PipelineSource: j.Source,
	}
}
