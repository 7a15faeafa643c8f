package console

import (
	"regexp"
	"strconv"
	"strings"
)

// The flavours of a pipeline.
const (
	clientFlavour = "client" // the client exchanges the job's token itself
	curlFlavour   = "curl"   // curl and jq do
)

// A pipeline is what goes into the .gitlab-ci.yml that a page shows.
type pipeline struct {
	URL      string // of this server, without a slash at its end
	Identity string // e-mail address of the workload identity
	Audience string // that the identity expects of ID tokens
	Project  string // id
	Targets  []string
	Flavour  string // clientFlavour, which "" stands for, or curlFlavour
	// Reviewer is the identity that reviews act as, with its audience; "" is
	// Identity.
	Reviewer, ReviewerAudience string
}

// Text returns the file: a review of merge requests that change migrations, and
// a rollout from the default branch. No variable of it is a secret.
func (p pipeline) Text() string {
	text := clientPipeline
	if p.Flavour == curlFlavour {
		text = curlPipeline
	}
	reviewer, reviewed := "", p.Audience
	if p.Reviewer != "" {
		reviewer = "  variables:\n    WORKLOAD_IDENTITY_EMAIL: " + scalar(p.Reviewer) + "\n"
		reviewed = p.ReviewerAudience
	}
	return strings.NewReplacer(
		"{reviewer}", reviewer, "{reviewed}", scalar(reviewed),
		"{url}", scalar(p.URL), "{identity}", scalar(p.Identity), "{audience}", scalar(p.Audience),
		"{project}", scalar(p.Project), "{targets}", scalar(strings.ReplaceAll(strings.Join(p.Targets, ","), "$", "$$")), // GitLab takes $$ for a dollar
	).Replace(text)
}

// What a person changes is in the variables; each job stands for itself, so
// that either can be taken into a file that exists already.
const clientPipeline = `stages: [review, deploy]

variables:
  SLIPWAY_URL: {url}
  WORKLOAD_IDENTITY_EMAIL: {identity}
  SLIPWAY_PROJECT: {project}
  SLIPWAY_TARGETS: {targets}
  SLIPWAY_FILE_PATTERN: migrations/**/*.sql

sql-review:
  stage: review
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      changes: ["migrations/**/*"]
{reviewer}  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: {reviewed}
  script:
    - slipway check
  artifacts:
    when: always
    reports:
      codequality: slipway-code-quality.json

rollout:
  stage: deploy
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: {audience}
  script:
    - slipway rollout
`

// Both curl and jq fail on a refusal (--fail-with-body, --exit-status), which
// would otherwise become the literal token "null".
const curlPipeline = `stages: [review, deploy]

variables:
  BYTEBASE_URL: {url}
  WORKLOAD_IDENTITY_EMAIL: {identity}
  BYTEBASE_PROJECT: {project}
  BYTEBASE_TARGETS: {targets}

.exchange: &exchange |
  BYTEBASE_TOKEN=$(jq --null-input --arg token "${GITLAB_OIDC_TOKEN}" --arg email "${WORKLOAD_IDENTITY_EMAIL}" '{$token, $email}' |
    curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' --data @- \
    "${BYTEBASE_URL}/v1/auth:exchangeToken" | jq --raw-output --exit-status .accessToken)

sql-review:
  stage: review
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      changes: ["migrations/**/*"]
{reviewer}  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: {reviewed}
  script:
    - *exchange
    - sql-review --url "${BYTEBASE_URL}" --token "${BYTEBASE_TOKEN}" --file-pattern "migrations/**/*.sql"
      --project "${BYTEBASE_PROJECT}" --targets "${BYTEBASE_TARGETS}"
  artifacts:
    when: always
    reports:
      codequality: bytebase_codequality.json

rollout:
  stage: deploy
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: {audience}
  script:
    - *exchange
    - bytebase-action rollout --url "${BYTEBASE_URL}" --token "${BYTEBASE_TOKEN}" --file-pattern "migrations/**/*.sql"
      --project "${BYTEBASE_PROJECT}" --targets "${BYTEBASE_TARGETS}"
`

// plainScalar is text that YAML takes for itself without quotes.
var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._/@,%-]*(://[A-Za-z0-9._/@,:%-]+)?$`)

// yamlWords are plain, but YAML takes them for something else than text.
var yamlWords = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)

// scalar spells text as a YAML scalar; what a JSON string is, is one.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !yamlWords.MatchString(text) && !strings.HasSuffix(text, ":") {
		return text
	}
	return strconv.QuoteToGraphic(text)
}
