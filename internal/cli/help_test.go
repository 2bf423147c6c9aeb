package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/cli/app"
)

// TestEveryCommandExplainsItself holds the help of all commands to one form: a line, a paragraph, examples that are
// commands, flags that say what they do.
func TestEveryCommandExplainsItself(t *testing.T) {
	a := app.New(app.Build{}, &bytes.Buffer{}, &bytes.Buffer{}, nil)
	root := newRootCommand(a)
	eachCommand(root, func(c *cobra.Command) {
		path := c.CommandPath()
		if first := []rune(c.Short); len(first) == 0 || !unicode.IsUpper(first[0]) || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the line %q begins with a capital and has no full stop", path, c.Short)
		}
		if len(c.Short) > 90 {
			t.Errorf("%s: the line has %d letters", path, len(c.Short))
		}
		if c.Long == "" || strings.TrimSpace(c.Long) == c.Short {
			t.Errorf("%s has no paragraph", path)
		}
		for line := range strings.Lines(c.Long) {
			if n := len([]rune(line)); n > 121 {
				t.Errorf("%s: a line of the paragraph has %d letters", path, n)
			}
		}
		if !strings.Contains(c.Example, path) && c != root && !c.HasSubCommands() {
			t.Errorf("%s: no example shows it:\n%s", path, c.Example)
		}
		if c.Example == "" {
			t.Errorf("%s has no example", path)
		}
		if c.RunE == nil || c.Args == nil {
			t.Errorf("%s runs nothing, or takes any argument", path)
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { checkFlag(t, path, f) })
		c.PersistentFlags().VisitAll(func(f *pflag.Flag) { checkFlag(t, path, f) })
	})
}

func checkFlag(t *testing.T, path string, f *pflag.Flag) {
	t.Helper()
	if f.Name == "help" || f.Hidden { // a hidden one answers with what took its place
		return
	}
	first := []rune(strings.TrimLeft(f.Usage, "`"))
	if len(first) == 0 || strings.HasSuffix(f.Usage, ".") {
		t.Errorf("%s --%s: usage %q is empty or has a full stop", path, f.Name, f.Usage)
	}
	if placeholder, _ := pflag.UnquoteUsage(f); strings.HasPrefix(f.Value.Type(), "string") && placeholder != strings.ToUpper(placeholder) {
		t.Errorf("%s --%s: the usage names no placeholder in capitals and backquotes: %q", path, f.Name, f.Usage)
	}
}

// TestEveryExampleParses runs the flags of each example through the command that it names, without running it.
func TestEveryExampleParses(t *testing.T) {
	a := app.New(app.Build{}, &bytes.Buffer{}, &bytes.Buffer{}, nil)
	eachCommand(newRootCommand(a), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			for _, args := range commandsIn(line) {
				found, rest, err := newRootCommand(a).Find(args)
				if err != nil || found.Name() == "honeydue" {
					t.Errorf("%s: %q names no command: %v", c.CommandPath(), line, err)
					continue
				}
				if err := found.ParseFlags(rest); err != nil {
					t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
				}
			}
		}
	})
}

// commandsIn finds each "honeydue ..." in a line of shell, up to what ends it.
func commandsIn(line string) [][]string {
	line, _, _ = strings.Cut(line, "  #")
	var out [][]string
	for i, part := range strings.Split(" "+strings.NewReplacer("$(honeydue", " honeydue", "<(honeydue", " honeydue").Replace(line), " honeydue ") {
		if i == 0 {
			continue
		}
		part, _, _ = strings.Cut(strings.TrimSpace(part), "   ") // the example's own remark
		if end := strings.IndexAny(part, "|&)>;\""); end >= 0 {
			part = part[:end]
		}
		out = append(out, strings.Fields(part))
	}
	return out
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	if c.Hidden {
		return
	}
	do(c)
	for _, child := range c.Commands() {
		eachCommand(child, do)
	}
}
