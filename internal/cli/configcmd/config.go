// Package configcmd is the command config.
package configcmd

import (
	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/report"
)

// New is the command config.
func New(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print what is in force, where it came from, and how it differs from the tuned values",
		Long: `config prints every variable that honeydue reads: its value, whether it is a default or comes from the
environment, and the value that the team settled on, with the number of that decision. Nothing is connected to. What
DATABASE_URL sets of the pool (pool_max_conns, ...) counts where the variable of its own is not set.
Passwords, keys and tokens are masked. An environment that makes no sense is printed all the same; then the mistakes
follow on stderr, and the exit code is 2.`,
		Example: `  honeydue config
  honeydue config -o json | jq '.settings[] | select(.differs)'`,
		Args: app.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.Write(newConfigReport(a.Env).Document()); err != nil {
				return err
			}
			_, _ = a.Database() // for its notes; what is wrong with it is among the following
			return exit.Usage(config.Check(a.Env))
		},
	}
}

// configReport is what is in force.
type configReport struct {
	Differing  int               `json:"differing"` // from the tuned values
	Settings   []configSetting   `json:"settings"`
	Servers    []configServer    `json:"servers"`
	Guarantees []configGuarantee `json:"promises"`
}

type configSetting struct {
	Group    string `json:"group"`
	Env      string `json:"env"`
	Value    string `json:"value"`
	Source   string `json:"source"`
	Default  string `json:"default"`
	Tuned    string `json:"tuned,omitempty"`
	Decision string `json:"decision,omitempty"`
	Differs  bool   `json:"differs"`
}

// configServer is a tuned value that a server holds and not our environment: probe looks there.
type configServer struct {
	Name     string `json:"name"`
	Tuned    string `json:"tuned"`
	Decision string `json:"decision"`
}

// configGuarantee is what readers may rely on while the cache is used.
type configGuarantee struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func newConfigReport(env config.Environ) configReport {
	var r configReport
	for _, s := range config.Settings(env) {
		if s.Differs {
			r.Differing++
		}
		r.Settings = append(r.Settings, configSetting{
			Group: s.Group, Env: s.Env, Value: s.Value, Source: string(s.Source), Default: s.Default,
			Tuned: s.Tuned, Decision: s.Decision, Differs: s.Differs,
		})
	}
	for _, t := range config.Tuned() {
		if t.Redis != "" {
			r.Servers = append(r.Servers, configServer{Name: "redis " + t.Redis, Tuned: t.Value, Decision: t.Decision})
		}
	}
	for _, p := range cache.Promises() {
		r.Guarantees = append(r.Guarantees, configGuarantee{p.Name, p.Text})
	}
	return r
}

// Document shows one table of variables, and one of what servers hold.
func (r configReport) Document() report.Document {
	variables := report.Table{Columns: []string{"concern", "variable", "value", "from", "tuned", ""}}
	group := ""
	for _, s := range r.Settings {
		concern := ""
		if s.Group != group {
			concern, group = s.Group, s.Group
		}
		variables.Rows = append(variables.Rows, append([]report.Cell{report.Text(concern)}, s.row()...))
	}
	servers := report.Table{Title: "Held by the servers (honeydue probe compares them)", Columns: []string{"setting", "tuned", ""}}
	for _, s := range r.Servers {
		servers.Rows = append(servers.Rows, []report.Cell{report.Text(s.Name), report.Text(s.Tuned), report.Toned(report.Dim, s.Decision)})
	}
	guarantees := report.Table{Title: "What a read may rely on", Columns: []string{"guarantee", "text"}}
	for _, p := range r.Guarantees {
		guarantees.Rows = append(guarantees.Rows, []report.Cell{report.Text(p.Name), report.Text(p.Text)})
	}
	return report.Document{
		Schema: "honeydue.config/1", Title: "Configuration in force",
		Blocks: []report.Block{variables, servers, guarantees, r.summary()},
		Data:   r,
	}
}

func (s configSetting) row() []report.Cell {
	value, source := report.Text(s.Value), report.Text(s.Source)
	if s.Source == string(config.NotSet) || s.Source == string(config.Overruled) {
		value, source = value.WithTone(report.Dim), source.WithTone(report.Dim)
	}
	tuned, verdict := report.Text(s.Tuned), report.Toned(report.Dim, s.Decision)
	if s.Differs {
		value.Tone = report.Warn
		verdict = report.Toned(report.Warn, s.Decision+" differs")
	}
	return []report.Cell{report.Text(s.Env), value, source, tuned, verdict}
}

func (r configReport) summary() report.Paragraph {
	if r.Differing == 0 {
		return report.Paragraph{Text: "Nothing differs from the tuned values.", Tone: report.Good}
	}
	if r.Differing == 1 {
		return report.Paragraph{Text: "1 value differs from the tuned one.", Tone: report.Warn}
	}
	return report.Paragraph{Text: report.Thousands(int64(r.Differing)) + " values differ from the tuned ones.", Tone: report.Warn}
}
