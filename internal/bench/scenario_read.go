package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ScenarioError is a mistake in a scenario, with its place in the file.
type ScenarioError struct {
	Line, Column int // from 1; 0 = not known
	What         string
}

// Error says what is wrong, behind its place: "12:5: ...".
func (e *ScenarioError) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.What)
}

// ReadScenario reads a scenario. Every mistake is a *ScenarioError: bad YAML, a
// field that does not exist, a value that makes no sense, a plan that could not
// end in a verdict.
func ReadScenario(data []byte) (Scenario, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Scenario{}, placedError(err)
	}
	if e := durationMistake(file); e != nil {
		return Scenario{}, e
	}
	var s Scenario
	if err := yaml.UnmarshalWithOptions(data, &s, yaml.Strict()); err != nil {
		return Scenario{}, placedError(err)
	}
	if path, what := s.mistake(); what != "" {
		e := &ScenarioError{What: what}
		e.Line, e.Column = placeOf(file, path)
		return Scenario{}, e
	}
	return s, nil
}

// placedError takes line and column out of the library's error.
func placedError(err error) error {
	if own, ok := errors.AsType[yaml.Error](err); ok {
		e := &ScenarioError{What: own.GetMessage()}
		if at := own.GetToken(); at != nil && at.Position != nil {
			e.Line, e.Column = at.Position.Line, at.Position.Column
		}
		return e
	}
	what, _, _ := strings.Cut(err.Error(), "\n")
	return &ScenarioError{What: what}
}

// durationMistake finds a duration that is none. The library takes a bare number
// as nanoseconds, which nobody means, and does not say where another mistake is.
func durationMistake(file *ast.File) *ScenarioError {
	find := &durationFinder{}
	for _, doc := range file.Docs {
		ast.Walk(find, doc.Body)
	}
	return find.found
}

type durationFinder struct{ found *ScenarioError }

// Visit implements ast.Visitor.
func (f *durationFinder) Visit(node ast.Node) ast.Visitor {
	v, ok := node.(*ast.MappingValueNode)
	if !ok || f.found != nil || !slices.Contains([]string{"duration", "timeout", "p99", "p50"}, v.Key.String()) {
		return f
	}
	scalar, ok := v.Value.(ast.ScalarNode)
	if !ok {
		return f // a step of that name, or something that the decoder refuses
	}
	text := fmt.Sprint(scalar.GetValue())
	if _, err := time.ParseDuration(text); err != nil || v.Value.Type() != ast.StringType {
		at := v.Value.GetToken().Position
		f.found = &ScenarioError{Line: at.Line, Column: at.Column, What: fmt.Sprintf("%s %q is no duration with a unit, such as 200ms or 30s", v.Key, text)}
	}
	return f
}

// placeOf finds a path such as $.phases[1].rate in the file, or the nearest
// thing above it: what is wrong may be what is not there.
func placeOf(file *ast.File, path string) (line, column int) {
	for path != "" && path != "$" {
		if at, err := yaml.PathString(path); err == nil {
			if node, err := at.FilterFile(file); err == nil && node != nil && node.GetToken() != nil {
				// A mapping's own token is its first colon; its first key is where a reader looks.
				if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
					node = m.Values[0].Key
				} else if v, ok := node.(*ast.MappingValueNode); ok {
					node = v.Key
				}
				at := node.GetToken().Position
				return at.Line, at.Column
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1, 1
}
