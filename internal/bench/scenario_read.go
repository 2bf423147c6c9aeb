package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
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
	if e := valueMistake(file); e != nil {
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

// valueMistake finds a duration that is none, and a number that is not whole where
// one has to be. The library takes a bare number as nanoseconds, which nobody means,
// and cuts 1.5 down to 1, quoted or not; nor does it say where another mistake is.
func valueMistake(file *ast.File) *ScenarioError {
	var found *ScenarioError
	for _, doc := range file.Docs {
		ast.Walk(valueFinder{found: &found, anchors: map[string]ast.Node{}}, doc.Body)
	}
	return found
}

type valueFinder struct {
	found   **ScenarioError
	anchors map[string]ast.Node // by their names; an anchor stands before its aliases
	mix     bool                // within a mix, whose keys are the names of steps
}

// Visit implements ast.Visitor.
func (f valueFinder) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		f.anchors[anchor.Name.String()] = anchor.Value
	}
	v, ok := node.(*ast.MappingValueNode)
	if !ok || *f.found != nil {
		return f
	}
	key, value := v.Key.String(), v.Value
	switch n := value.(type) {
	case *ast.AnchorNode:
		value = n.Value
	case *ast.AliasNode:
		value = f.anchors[n.Value.String()]
	}
	scalar, ok := value.(ast.ScalarNode)
	if !ok { // a step of that name, or something that the decoder refuses
		f.mix = key == "mix"
		return f
	}
	what := ""
	switch {
	case f.mix, slices.Contains([]string{"register", "residences", "tasks", "contractors", "max_connections", "seed", "weight", "max_db_turns"}, key):
		n, err := strconv.ParseFloat(fmt.Sprint(scalar.GetValue()), 64)
		if err == nil && n != math.Trunc(n) { // NaN is not even itself
			what = fmt.Sprintf("%s %v is not a whole number", key, n)
		}
	case slices.Contains([]string{"duration", "timeout", "p99", "p50"}, key):
		text := fmt.Sprint(scalar.GetValue())
		if _, err := time.ParseDuration(text); err != nil || value.Type() != ast.StringType {
			what = fmt.Sprintf("%s %q is not a duration with a unit, such as 200ms or 30s", key, text)
		}
	}
	if what != "" {
		at := v.Value.GetToken().Position
		*f.found = &ScenarioError{Line: at.Line, Column: at.Column, What: what}
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
