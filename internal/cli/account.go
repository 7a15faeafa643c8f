package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/pb"
)

func (s *session) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s.voice.printf("slipway %s (commit %s)", s.Version, s.Commit)
			return nil
		},
	}
}

func (s *session) whoami() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "print who the server takes the caller for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd, &o)
			if err != nil {
				return err
			}
			u, err := call(cmd.Context(), c, "ask who calls", c.users.GetCurrentUser, &emptypb.Empty{})
			if err != nil {
				return err
			}
			s.voice.printf("%s:%s (%s)", kindOf(u.GetEmail()), line(u.GetEmail()), line(u.GetTitle()))
			return nil
		},
	}
	o.connection(cmd.Flags())
	return cmd
}

// kindOf tells the kind of a caller, as IAM bindings spell it, by its address.
func kindOf(email string) slipway.PrincipalKind {
	switch {
	case strings.HasSuffix(email, "@"+slipway.WorkloadIdentityDomain):
		return slipway.WorkloadIdentityKind
	case strings.HasSuffix(email, "@"+slipway.ServiceAccountDomain):
		return slipway.ServiceAccountKind
	}
	return slipway.UserKind
}

// connect is load and dial.
func (s *session) connect(cmd *cobra.Command, o *options) (*client, error) {
	if err := s.load(cmd, o); err != nil {
		return nil, err
	}
	return s.dial(o)
}

const exchangeHelp = `Trade the CI job's ID token for an access token and say who it acts as.

check and rollout do this themselves when --workload-identity is given; this
command shows that it works, or why not, and serves scripts of one's own:

  TOKEN=$(slipway exchange --print-token)

The token is printed only when --print-token asks for it, since what a job
prints stays in its log.`

func (s *session) exchange() *cobra.Command {
	var o options
	var show bool
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "trade the job's ID token for an access token",
		Long:  exchangeHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.load(cmd, &o); err != nil {
				return err
			}
			if o.workload == "" {
				return usagef("no identity: give --workload-identity, or set WORKLOAD_IDENTITY_EMAIL")
			}
			o.credential = byWorkload
			c, err := s.dial(&o)
			if err != nil {
				return err
			}
			token, err := c.cred.current(cmd.Context())
			if err != nil {
				return err
			}
			until := ""
			if !c.cred.expires.IsZero() {
				until = " until " + c.cred.expires.UTC().Format(time.RFC3339)
			}
			s.voice.notef("the ID token was accepted: the access token acts as %s%s", line(o.workload), until)
			if show {
				s.voice.printf("%s", token)
			}
			return nil
		},
	}
	o.connection(cmd.Flags())
	cmd.Flags().BoolVar(&show, "print-token", false, "print the access token, and nothing else, to standard output")
	return cmd
}

func (s *session) exchanges() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exchanges",
		Short: "explain token exchanges, let in or refused",
		RunE: func(*cobra.Command, []string) error {
			return usagef("which: slipway exchanges show REFERENCE, or slipway exchanges list")
		},
	}
	cmd.AddCommand(s.showExchange(), s.listExchanges())
	return cmd
}

func (s *session) showExchange() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "show REFERENCE",
		Short: "explain one exchange, check by check",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd, &o)
			if err != nil {
				return err
			}
			name := "exchanges/" + strings.TrimPrefix(args[0], "exchanges/")
			x, err := call(cmd.Context(), c, "read "+name, c.tries.GetExchange, &pb.GetExchangeRequest{Name: name})
			if err != nil {
				return err
			}
			for _, l := range exchangeLines(x) {
				s.voice.printf("%s", l)
			}
			return nil
		},
	}
	o.connection(cmd.Flags())
	return cmd
}

// exchangeLines explains x: who asked for what, each check with what was
// expected and what came, and the claims that the signature vouches for.
func exchangeLines(x *pb.Exchange) []string {
	outcome := "refused: " + line(x.GetReason())
	if x.GetAllowed() {
		outcome = "let in"
	}
	lines := []string{
		line(x.GetName()) + "  " + outcome,
		"time      " + x.GetCreateTime().AsTime().UTC().Format(time.RFC3339),
		"identity  " + line(x.GetIdentity()),
	}
	if j := x.GetJob(); j.GetProjectPath() != "" {
		lines = append(lines, "job       "+line(fmt.Sprintf("%s, %s %s, pipeline %s, job %s, by %s",
			j.GetProjectPath(), j.GetRefType(), j.GetRef(), j.GetPipelineId(), j.GetJobId(), j.GetUserLogin())))
	}
	lines = append(lines, "from      "+line(x.GetCallerIp()+" "+x.GetCallerSuppliedUserAgent()), "checks")
	for _, k := range x.GetChecks() {
		if k.GetOk() {
			lines = append(lines, "  ok      "+line(k.GetName()))
			continue
		}
		lines = append(lines, "  failed  "+line(k.GetName())+": "+line(k.GetReason()))
		for _, part := range [][2]string{{"expected", k.GetWant()}, {"token", k.GetGot()}, {"do", k.GetAdvice()}} {
			if part[1] != "" {
				lines = append(lines, fmt.Sprintf("          %-8s  %s", part[0], line(part[1])))
			}
		}
	}
	if x.GetClaims() == nil {
		return append(lines, "claims    not shown: the signature was not verified")
	}
	lines = append(lines, "claims")
	for _, name := range slices.Sorted(maps.Keys(x.GetClaims().GetFields())) {
		value, err := json.Marshal(x.GetClaims().GetFields()[name].AsInterface())
		if err != nil {
			value = []byte("?") // unreachable unless the server sent a broken value
		}
		lines = append(lines, "  "+line(name)+" = "+line(string(value)))
	}
	return lines
}

func (s *session) listExchanges() *cobra.Command {
	var o options
	var identity string
	var refused bool
	var limit int32
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list exchanges, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd, &o)
			if err != nil {
				return err
			}
			if limit < 1 || limit > 1000 {
				return usagef("--limit %d: want 1 to 1000", limit)
			}
			a, err := call(cmd.Context(), c, "list exchanges", c.tries.ListExchanges,
				&pb.ListExchangesRequest{PageSize: limit, Filter: exchangeFilter(identity, refused)})
			if err != nil {
				return err
			}
			for _, x := range a.GetExchanges() {
				outcome := "let in"
				if !x.GetAllowed() {
					outcome = "refused: " + x.GetReason()
				}
				s.voice.printf("%s  %s  %s  %s  %s", x.GetCreateTime().AsTime().UTC().Format(time.RFC3339),
					strings.TrimPrefix(line(x.GetName()), "exchanges/"), line(x.GetIdentity()), line(outcome), line(x.GetJob().GetProjectPath()))
			}
			return nil
		},
	}
	o.connection(cmd.Flags())
	cmd.Flags().StringVar(&identity, "identity", "", "only those that asked for this e-mail address")
	cmd.Flags().BoolVar(&refused, "refused", false, "only those that were refused")
	cmd.Flags().Int32Var(&limit, "limit", 20, "how many")
	return cmd
}

func exchangeFilter(identity string, refused bool) string {
	var parts []string
	if identity != "" {
		parts = append(parts, fmt.Sprintf("identity == %q", identity))
	}
	if refused {
		parts = append(parts, "allowed == false")
	}
	return strings.Join(parts, " && ")
}
