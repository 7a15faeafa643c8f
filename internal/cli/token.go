package cli

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slipway/internal/trust"
)

const tokenHelp = `Show what an ID token says, without a server.

The token is read from FILE, from standard input when FILE is -, or else from
the variable that --id-token-env names. It is never printed, only its claims.

Nothing here says that the token is genuine: no key is asked for. Whether an
identity would let it in is told by "Test a token" on the identity's page.`

// maxIDToken bounds what is read as a token, in bytes: what the server takes.
const maxIDToken = 16 << 10

func (s *session) tokenCommands() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "look into an ID token",
		RunE:  func(*cobra.Command, []string) error { return usagef("which: slipway token explain [FILE]") },
	}
	var env string
	explain := &cobra.Command{
		Use:   "explain [FILE]",
		Short: "show the claims of an ID token and what they mean here",
		Long:  tokenHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), s.Getenv); err != nil {
				return err
			}
			raw, err := s.readToken(args, env)
			if err != nil {
				return err
			}
			lines, err := explainToken(raw, s.Now())
			for _, l := range lines {
				s.voice.printf("%s", l)
			}
			return err
		},
	}
	explain.Flags().StringVar(&env, "id-token-env", "GITLAB_OIDC_TOKEN", "name of the variable that holds the ID token")
	cmd.AddCommand(explain)
	return cmd
}

// readToken returns the token of the file named in args, or of the variable env.
func (s *session) readToken(args []string, env string) (string, error) {
	if len(args) == 0 {
		raw := strings.TrimSpace(s.Getenv(env))
		if raw == "" {
			return "", usagef("no ID token: the variable %s is empty; name a file, or - for standard input", env)
		}
		return raw, nil
	}
	in := s.Stdin
	if args[0] != "-" {
		f, err := os.Open(s.path(args[0]))
		if err != nil {
			return "", usagef("read the token: %w (the argument is a file's name, not the token)", unnamed(err))
		}
		defer func() { _ = f.Close() }() // nothing was written to it
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxIDToken+1))
	if err != nil {
		return "", usagef("read the token: %w", unnamed(err))
	}
	if len(data) > maxIDToken {
		return "", usagef("read the token: more than %d KiB; the server takes none of that size", maxIDToken>>10)
	}
	return strings.TrimSpace(string(data)), nil
}

// unnamed takes the file's name out of err: somebody may have given the token
// itself where a name belongs.
func unnamed(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// explainToken returns what there is to say of raw at now. What can be read is
// told even when the rest is wrong; the error says what that is.
func explainToken(raw string, now time.Time) ([]string, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, usagef("this is no ID token: it has %d parts with dots between them, not 3", len(parts))
	}
	head, err := tokenPart("header", parts[0])
	if err != nil {
		return nil, err
	}
	all, err := tokenPart("claims", parts[1])
	if err != nil {
		return nil, err
	}
	text := func(name string) string { v, _ := all[name].(string); return line(v) }
	lines := []string{
		"signed with     " + line(plain(head["alg"])) + ", key " + line(plain(head["kid"])) + "; not verified here",
		"issuer          " + text("iss"),
		"audience        " + line(plain(all["aud"])),
		"subject         " + text("sub"),
	}
	if text("project_path") != "" {
		lines = append(
			lines,
			"group           "+text("namespace_path")+" (id "+text("namespace_id")+")",
			"project         "+text("project_path")+" (id "+text("project_id")+")",
			"ref             "+text("ref_type")+" "+text("ref")+protection(text("ref_protected")),
			"pipeline        "+text("pipeline_id")+" by "+text("pipeline_source")+", job "+text("job_id")+", of "+text("user_login"),
		)
	}
	c, err := trust.ReadClaims(all, plain(head["alg"]))
	if err != nil {
		err = failf("no identity lets this token in: %w", err)
	} else {
		lines = append(lines, "valid           "+validity(c, now))
		for _, w := range tokenWarnings(c) {
			lines = append(lines, "note            "+w)
		}
	}
	lines = append(lines, "claims")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, "  "+line(name)+" = "+line(asJSON(all[name])))
	}
	return lines, err
}

// tokenPart decodes one part of a token as the server would (RFC 7515 §2).
func tokenPart(what, part string) (map[string]any, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, usagef("the token's %s: not base64url; was the token copied whole?", what)
	}
	all, err := trust.ParseObject(data)
	if err != nil {
		return nil, usagef("the token's %s: %w", what, err)
	}
	return all, nil
}

func protection(claim string) string {
	switch claim {
	case "true":
		return " (protected)"
	case "false":
		return " (not protected)"
	}
	return ""
}

// validity says from when to when c holds, and where now stands in that.
func validity(c trust.Claims, now time.Time) string {
	span := c.NotBefore.Format(time.RFC3339) + " to " + c.Expires.Format(time.RFC3339)
	switch {
	case !now.Before(c.Expires.Add(trust.Leeway)):
		return span + ": ended " + now.Sub(c.Expires).Round(time.Second).String() + " ago"
	case now.Before(c.NotBefore.Add(-trust.Leeway)):
		return span + ": begins in " + c.NotBefore.Sub(now).Round(time.Second).String()
	}
	return span + ": " + c.Expires.Sub(now).Round(time.Second).String() + " left"
}

// tokenWarnings names what makes GitLab's tokens be refused, or safer ones be
// had, whatever the identity says.
func tokenWarnings(c trust.Claims) []string {
	var out []string
	switch {
	case len(c.Audience) == 0:
		out = append(out, "no audience: every identity refuses that; give the job's id_tokens entry an aud")
	case len(c.Audience) > 1:
		out = append(out, "several audiences: every identity refuses that; give the job an id_tokens entry of its own with one aud")
	case c.Audience[0] == c.Issuer:
		out = append(out, "the audience is the issuer itself, as other services may have it too; this server's URL would be safer")
	}
	if job, _ := c.Text("job_id"); job == "" {
		out = append(out, "no job_id: not the token of a GitLab CI job; GitLab identities refuse it")
	}
	return out
}

// plain returns strings as they are and the rest as JSON; what is absent is
// said to be.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "(none)"
	case string:
		return v
	}
	return asJSON(v)
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // unreachable: v was decoded from JSON
	}
	return string(b)
}
