package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway"
)

// options are the flags of the client after the environment was asked. Which
// of them a command has depends on the command; the others are zero.
type options struct {
	url          string
	caFile       string
	insecureHTTP bool
	timeout      time.Duration
	noColor      bool

	token       string // under two spellings
	accessToken string
	workload    string
	idTokenEnv  string
	service     string
	serviceKey  string
	email       string

	project     string
	targets     []string
	patterns    []string
	checkLevel  string
	codeQuality string
	junit       string
	output      string

	targetStage string
	plan        string
	template    string
	timezone    string
	createOnly  bool

	credential credentialKind // which of those given is used
}

// connection adds the flags that every command with a server has.
func (o *options) connection(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.url, "url", "", "address of the server, as in https://slipway.example.com")
	f.StringVar(&o.token, "token", "", "access token")
	f.StringVar(&o.accessToken, "access-token", "", "the same as --token")
	f.StringVar(&o.workload, "workload-identity", "", "e-mail of the workload identity to act as: the job's ID token is exchanged for an access token (also WORKLOAD_IDENTITY_EMAIL)")
	f.StringVar(&o.idTokenEnv, "id-token-env", "GITLAB_OIDC_TOKEN", "name of the variable that holds the ID token")
	f.StringVar(&o.service, "service-account", "", "e-mail of the service account to act as")
	f.StringVar(&o.serviceKey, "service-account-secret", "", "its key; better given as SLIPWAY_SERVICE_ACCOUNT_SECRET")
	f.StringVar(&o.email, "email", "", "e-mail of the person to act as; the password is taken from SLIPWAY_PASSWORD")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long one request may take, retries while the server is away included")
	f.StringVar(&o.caFile, "ca-file", "", "PEM file with CAs to trust for the server, beside the system's")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "send credentials over http:// to a host that is not this one")
	f.BoolVar(&o.noColor, "no-color", false, "no colour (also NO_COLOR)")
}

// change adds the flags that say what is to be changed where.
func (o *options) change(f *pflag.FlagSet) {
	f.StringVar(&o.project, "project", "", "project, as in my-project or projects/my-project")
	f.StringSliceVar(&o.targets, "targets", nil, "databases, as in instances/prod/databases/mydb, or groups of them, as in projects/my-project/databaseGroups/all-prod; repeated or with commas")
	f.StringArrayVar(&o.patterns, "file-pattern", nil, `glob of the migration files, ** for any folders, as in "migrations/**/*.sql"`)
	f.StringVar(&o.output, "output", "", "write resource names and results to this file, as JSON")
	f.StringVar(&o.codeQuality, "code-quality", "", "write findings to this file, as GitLab's code quality report")
	f.StringVar(&o.junit, "junit", "", "write findings to this file, as JUnit XML")
}

// load completes o from the environment and checks what all commands share.
func (s *session) load(cmd *cobra.Command, o *options) error {
	flags := cmd.Flags()
	o.credential = o.chosen() // flags alone: they win over the environment
	if err := fromEnvironment(flags, s.Getenv); err != nil {
		return err
	}
	if o.workload == "" && !flags.Changed("workload-identity") {
		o.workload = s.Getenv("WORKLOAD_IDENTITY_EMAIL")
	}
	if o.credential == noCredential {
		o.credential = o.chosen()
	}
	if o.noColor {
		s.voice.outColor, s.voice.errColor = false, false
	}
	if o.token != "" && o.accessToken != "" && o.token != o.accessToken {
		return usagef("--token and --access-token differ: give one of them")
	}
	if o.token == "" {
		o.token = o.accessToken
	}
	if o.credential == byToken && o.token == "null" {
		return &stop{
			code: codeUsage,
			err:  errors.New("the token is the word null: the exchange before it was refused"),
			hint: "let curl and jq say so: curl --fail-with-body, jq -e; or let slipway exchange the token: --workload-identity",
		}
	}
	if o.timeout <= 0 {
		return usagef("--timeout %s: it must be more than nothing", o.timeout)
	}
	if strings.ContainsFunc(o.token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return usagef("--token: there is a space, a line break or something else in it that no token has: was it cut or joined on the way?")
	}
	if err := s.checkOutputs(o); err != nil {
		return err
	}
	var err error
	o.url, err = serverURL(o.url, o.insecureHTTP)
	return err
}

// checkOutputs refuses files that could not be written, before anything is done
// that they should tell about.
func (s *session) checkOutputs(o *options) error {
	var errs []error
	for _, f := range []struct{ flag, name string }{
		{"output", o.output}, {"code-quality", o.codeQuality}, {"junit", o.junit},
	} {
		if f.name == "" {
			continue
		}
		path := s.path(f.name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			errs = append(errs, usagef("--%s %q is a folder: name a file", f.flag, f.name))
		} else if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			errs = append(errs, usagef("--%s %q: there is no folder of that name to write it into", f.flag, f.name))
		}
	}
	return errors.Join(errs...)
}

// fromEnvironment sets every flag that the command line left alone from its
// variable: --file-pattern from SLIPWAY_FILE_PATTERN or BYTEBASE_FILE_PATTERN.
// An empty variable is none, as CI systems define unset ones so.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" {
			return
		}
		name := strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		for _, prefix := range []string{"SLIPWAY_", "BYTEBASE_"} {
			value := getenv(prefix + name)
			if value == "" {
				continue
			}
			if err := flags.Set(f.Name, value); err != nil {
				// The value is left out: it may be a secret in the wrong place.
				errs = append(errs, usagef("%s%s: not a value for --%s, a %s", prefix, name, f.Name, f.Value.Type()))
			}
			return
		}
	})
	return errors.Join(errs...)
}

// A credentialKind is a way to say who calls.
type credentialKind int

const (
	noCredential credentialKind = iota
	byToken
	byWorkload
	byService
	byEmail
)

// chosen returns the first credential that was given, in an order from the
// most to the least immediate.
func (o *options) chosen() credentialKind {
	switch {
	case o.token != "" || o.accessToken != "":
		return byToken
	case o.workload != "":
		return byWorkload
	case o.service != "":
		return byService
	case o.email != "":
		return byEmail
	}
	return noCredential
}

// serverURL checks the address of the server and returns it without a slash at
// its end. A token sent over plain HTTP can be read on the way, so that is for
// this machine alone unless the user insists.
func serverURL(raw string, insecure bool) (string, error) {
	if raw == "" {
		return "", usagef("no server: give --url, or set SLIPWAY_URL or BYTEBASE_URL")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usagef("--url %q: want http:// or https:// and a host", raw)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("--url: no user, query or fragment belongs into it")
	}
	if u.Scheme == "http" && !insecure && !loopback(u.Hostname()) {
		return "", &stop{
			code: codeUsage,
			err:  fmt.Errorf("--url %q: credentials would cross the network unencrypted", raw),
			hint: "use https://, with --ca-file for a CA of your own; or accept it by --insecure-http",
		}
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// projectName reads my-project or projects/my-project.
func projectName(s string) (string, error) {
	if s == "" {
		return "", usagef("no project: give --project")
	}
	id := strings.TrimPrefix(s, "projects/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("--project %q: want my-project or projects/my-project", s)
	}
	return "projects/" + id, nil
}

// databases checks the targets and drops what is named twice.
func databases(targets []string) ([]string, error) {
	var names []string
	var errs []error
	for _, t := range targets {
		t = strings.Trim(strings.TrimSpace(t), "/")
		if t == "" || slices.Contains(names, t) {
			continue
		}
		if _, err := slipway.ParseDatabase(t); err != nil {
			if _, group := slipway.ParseName("projects/*/databaseGroups/*", t); group != nil {
				errs = append(errs, usagef("--targets %q: want instances/INSTANCE/databases/DATABASE or projects/PROJECT/databaseGroups/GROUP", t))
				continue
			}
		}
		names = append(names, t)
	}
	return names, errors.Join(errs...)
}

// Values of --check-release.
const (
	checkSkip    = "SKIP"
	checkWarning = "FAIL_ON_WARNING"
	checkError   = "FAIL_ON_ERROR"
)

func checkLevel(s string) (string, error) {
	if !slices.Contains([]string{checkSkip, checkWarning, checkError}, s) {
		return "", usagef("--check-release %q: want %s, %s or %s", s, checkSkip, checkWarning, checkError)
	}
	return s, nil
}
