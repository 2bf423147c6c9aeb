package bench

import _ "embed"

//go:embed scenario/example.yaml
var exampleScenario string

//go:embed scenario/schema.json
var scenarioSchema string

// ExampleScenario is a scenario that runs and explains itself.
func ExampleScenario() string { return exampleScenario }

// ScenarioSchema is the JSON Schema (draft 2020-12) of a scenario, for editors.
func ScenarioSchema() string { return scenarioSchema }
