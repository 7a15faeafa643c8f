package release

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a server without zone files knows the zones that templates name

	"slipway"
)

// DefaultTemplate makes ids such as release_20261122-RC00.
const DefaultTemplate = "release_{date}-RC{iteration}"

// An idTemplate makes the ids of releases. The id without its iteration is the
// train: releases of one train are numbered from 0.
type idTemplate struct {
	train string // "release_{date}-RC"
	zone  *time.Location
}

const iterationVariable = "{iteration}"

// clocks are the variables that a template fills from the time, with Go's
// layout of each.
var clocks = map[string]string{
	"{date}":      "20060102",
	"{time}":      "1504",
	"{timestamp}": "20060102_1504",
}

var (
	templateVariable = regexp.MustCompile(`\{[^{}]*\}`)
	trainText        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
)

// parseTemplate reads a template and the time zone it counts days in; "" is
// DefaultTemplate and UTC.
func parseTemplate(template, zone string) (idTemplate, error) {
	if template == "" {
		template = DefaultTemplate
	}
	if len(template) > 200 || len(zone) > 100 {
		return idTemplate{}, slipway.Errorf(slipway.Invalid, "the release id template or its time zone is too long")
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return idTemplate{}, slipway.Errorf(slipway.Invalid, "time zone %q is not known: use a name such as Europe/Paris, or UTC", zone)
	}
	train, ok := strings.CutSuffix(template, iterationVariable)
	if !ok || strings.Contains(train, iterationVariable) {
		return idTemplate{}, slipway.Errorf(slipway.Invalid, "release id template %q must end with {iteration} and hold it once", template)
	}
	variables := templateVariable.FindAllString(train, -1)
	for _, v := range variables {
		if _, known := clocks[v]; !known {
			return idTemplate{}, slipway.Errorf(slipway.Invalid, "release id template %q: %s is not a variable; there are {date}, {time}, {timestamp} and {iteration}", template, v)
		}
	}
	if len(variables) == 0 {
		return idTemplate{}, slipway.Errorf(slipway.Invalid, "release id template %q needs one of {date}, {time} and {timestamp}", template)
	}
	t := idTemplate{train: train, zone: location}
	if at := t.trainAt(time.Unix(0, 0)); !trainText.MatchString(at) {
		return idTemplate{}, slipway.Errorf(slipway.Invalid, "release id template %q makes ids like %q: use at most 100 letters, digits, dots, hyphens and underscores, the first a letter or digit", template, at)
	}
	return t, nil
}

// trainAt returns the train of releases made at that moment.
func (t idTemplate) trainAt(at time.Time) string {
	at = at.In(t.zone)
	return templateVariable.ReplaceAllStringFunc(t.train, func(v string) string { return at.Format(clocks[v]) })
}

// idOf returns the id of a train's release.
func idOf(train string, iteration int) string { return fmt.Sprintf("%s%02d", train, iteration) }
