package app

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/honeydue/honeydue/internal/report"
)

// Build says which honeydue this is.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// NewBuild is the build that the linker names, or, as far as it names none, what Go knows of it.
func NewBuild(version, commit string) Build {
	b := Build{Version: version, Commit: commit, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
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
func (b Build) Document() report.Document {
	return report.Document{
		Schema: "honeydue.version/1",
		Blocks: []report.Block{report.Paragraph{
			Text: fmt.Sprintf("honeydue %s (commit %s, %s, %s/%s)", b.Version, b.Commit, b.Go, b.OS, b.Arch),
		}},
		Data: b,
	}
}
