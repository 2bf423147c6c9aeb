package loadtestcmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
)

// gone are the flags of the time when every mode of a load test was a flag. They are hidden, and answer with the command
// line that took their place.
type gone []string

// addGone gives a command hidden flags of these names.
func addGone(c *cobra.Command, names ...string) gone {
	app.Flags(c, "Gone", func(flags *pflag.FlagSet) {
		for _, name := range names {
			flags.String(name, "", "")
			flags.Lookup(name).Hidden = true
		}
	})
	return names
}

// run runs --get PATH --target URL as loadtest get URL, which it says on stderr; that way of typing works for one more
// version. done is false if something else was typed.
func (g gone) run(c *cobra.Command, stderr io.Writer) (done bool, err error) {
	for _, name := range g {
		if name != "get" && name != "expect" && c.Flags().Changed(name) {
			return false, nil
		}
	}
	if !c.Flags().Changed("get") || !c.Flags().Changed("target") || c.Flags().Changed("profile") {
		return false, nil
	}
	typed := map[string]string{}
	c.Flags().Visit(func(f *pflag.Flag) { typed[f.Name] = valueOf(f) })
	name, args := mode(typed)
	for _, get := range c.Commands() {
		if get.Name() != name {
			continue
		}
		c.Flags().Visit(func(f *pflag.Flag) {
			if now, value := renamed(get, f, typed[f.Name]); now != "" {
				args = append(args, "--"+now+"="+value)
			}
		})
		if err := checkURL(splitURL(args[0])); err != nil { // it would be printed
			return true, err
		}
		if err := get.ParseFlags(args); err != nil {
			return true, exit.Usage(err)
		}
		fmt.Fprintln(stderr, "loadtest --get will be gone in the next version. Type: "+g.line(c, get, typed))
		get.SetContext(c.Context())
		return true, get.RunE(get, get.Flags().Args())
	}
	return false, nil
}

// line is the command line that does with the command to what was typed.
func (g gone) line(c, to *cobra.Command, typed map[string]string) string {
	line := []string{to.CommandPath()}
	_, args := mode(typed)
	for _, arg := range args {
		line = append(line, lab.ShellWord(arg))
	}
	c.Flags().Visit(func(f *pflag.Flag) { line = append(line, rebuilt(to, f, typed[f.Name])...) })
	return strings.Join(line, " ")
}

// answer is the usage error of a command line that has a flag of the old time; nil if it has none.
func (g gone) answer(c *cobra.Command) error {
	typed := map[string]string{}
	var first string
	c.Flags().Visit(func(f *pflag.Flag) {
		typed[f.Name] = valueOf(f)
		if first == "" && (slices.Contains(g, f.Name) || f.Name == "profile" && typed[f.Name] == bench.ProfileCapacity) {
			first = "--" + f.Name
		}
	})
	if first == "" {
		return nil
	}
	if first == "--profile" {
		first += " " + bench.ProfileCapacity
	}
	for _, name := range []string{"target", "against"} { // they would be printed
		if _, ok := typed[name]; !ok {
			continue
		}
		if _, err := bench.ParseTarget(typed[name]); err != nil {
			return exit.Usagef("Give it as http://host:port.", "--%s: %w", name, err)
		}
	}
	sub, _ := mode(typed)
	to := c
	for _, other := range c.Commands() {
		if other.Name() == sub {
			to = other
		}
	}
	place := to.CommandPath()
	if sub == "" && first == "--compare-with" {
		place = "--baseline"
	}
	return exit.Usagef("Type: "+g.line(c, to, typed), "%s is gone, and %s has taken its place", first, place)
}

// mode is the subcommand that does what was typed, "" for the release gate, with its arguments.
func mode(typed map[string]string) (sub string, args []string) {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := typed[name]; ok {
				return true
			}
		}
		return false
	}
	or := func(name, otherwise string) string {
		if v, ok := typed[name]; ok {
			return v
		}
		return otherwise
	}
	switch {
	case has("scenario"):
		return "scenario", []string{typed["scenario"]}
	case typed["layer"] == "db":
		return "db", nil
	case has("against", "against-tokens", "slices", "slice-length", "slice-seed"):
		return "compare", []string{or("target", "TARGET"), or("against", "BASELINE")}
	case has("start-rate") || typed["profile"] == bench.ProfileCapacity:
		return "capacity", nil
	case has("targets"):
		return "get", nil
	case has("get", "expect"):
		return "get", []string{strings.TrimSuffix(or("target", "http://HOST:PORT"), "/") + or("get", "/PATH")}
	}
	return "", nil
}

// renamed is a flag that was typed as the command to has it; empty if it has none.
func renamed(to *cobra.Command, f *pflag.Flag, value string) (name, now string) {
	name = f.Name
	switch name {
	case "against-tokens":
		name = "baseline-tokens"
	case "compare-with":
		name = "baseline"
	case "profile":
		if value == bench.ProfileCapacity {
			return "", ""
		}
	}
	flag := to.Flags().Lookup(name)
	if flag == nil {
		flag = to.Root().PersistentFlags().Lookup(name)
	}
	if flag == nil || flag.Hidden {
		return "", ""
	}
	return name, value
}

// rebuilt is what is typed for it; nothing if the command to has no such flag.
func rebuilt(to *cobra.Command, f *pflag.Flag, value string) []string {
	name, value := renamed(to, f, value)
	switch {
	case name == "":
		return nil
	case f.Value.Type() == "bool" && value == "true":
		return []string{"--" + name}
	case f.Value.Type() == "bool":
		return []string{fmt.Sprintf("--%s=%s", name, value)}
	}
	return []string{"--" + name, lab.ShellWord(value)}
}

// valueOf is a flag's value as it is typed.
func valueOf(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(list.GetSlice(), ",")
	}
	return f.Value.String()
}
