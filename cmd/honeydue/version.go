package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/report"
)

// version and commit are set by the linker: -ldflags "-X main.version=1.2.3 -X main.commit=abc123".
var version, commit string

// build says which honeydue this is.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func currentBuild() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if ok && b.Commit == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	if b.Version == "" {
		b.Version = "development"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

// Document shows the build.
func (b build) Document() report.Document {
	return report.Document{
		Schema: "honeydue.version/1",
		Blocks: []report.Block{report.Paragraph{
			Text: fmt.Sprintf("honeydue %s (commit %s, %s, %s/%s)", b.Version, b.Commit, b.Go, b.OS, b.Arch),
		}},
		Data: b,
	}
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go that built it",
		Long: `version says which honeydue this is. Reports and replies of the server carry the same version and commit,
so that a figure can be traced to the code that produced it.`,
		Example: `  honeydue version
  honeydue version -o json | jq -r .commit`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.write(a.build.Document()) },
	}
}
