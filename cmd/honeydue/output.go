package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/report"
)

// outputOptions are the flags that every command shares.
type outputOptions struct {
	name    string // of the format; "" lets the file's extension decide
	file    string
	noColor bool
}

func (o *outputOptions) addFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVarP(&o.name, "output", "o", "", "`FORM` of the report: "+formatNames()+" (default: what the extension of --out says, else table)")
	flags.StringVar(&o.file, "out", "", "write the report to `FILE` instead of stdout, whole or not at all")
	flags.BoolVar(&o.noColor, "no-color", false, "no colours (NO_COLOR=1 does the same)")
}

// Validate refuses a format that does not exist before any work is done for it.
func (o *outputOptions) Validate() error {
	if o.name == "" {
		return nil
	}
	if _, err := report.ParseFormat(o.name); err != nil {
		return usagef("Give -o one of "+formatNames()+".", "%w", err)
	}
	return nil
}

// hasCases marks a command whose report has verdicts one by one, which is what JUnit shows.
func hasCases() map[string]string { return map[string]string{"cases": "yes"} }

// validateFor is Validate for one command: a report that it cannot give is refused before it works for minutes.
func (o *outputOptions) validateFor(cmd *cobra.Command) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.format() == report.FormatJUnit && cmd.Annotations["cases"] == "" {
		return usagef("JUnit is for probe and loadtest; choose another form.", "the report of '%s' has no verdicts that JUnit could show", cmd.CommandPath())
	}
	return nil
}

func (o *outputOptions) format() report.Format {
	if f, err := report.ParseFormat(o.name); err == nil {
		return f
	}
	switch strings.ToLower(filepath.Ext(o.file)) {
	case ".json":
		return report.FormatJSON
	case ".md", ".markdown":
		return report.FormatMarkdown
	case ".html", ".htm":
		return report.FormatHTML
	case ".xml":
		return report.FormatJUnit
	}
	return report.FormatTable
}

func formatNames() string {
	names := make([]string, 0, len(report.Formats()))
	for _, f := range report.Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, "|")
}

// writeFile puts data at path in one step: a reader sees the old file or the new one, never half of it.
func writeFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return failedf("Give --out a path in a folder that exists and that you may write to.", "cannot write the report: %w", err)
	}
	defer func() {
		if err != nil {
			//nolint:gosec // the caller's own path; and the error that brought us here is the one to tell
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return fmt.Errorf("write the report: %w", err)
	}
	if err := f.Chmod(0o644); err != nil {
		_ = f.Close()
		return fmt.Errorf("write the report: %w", err)
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return fmt.Errorf("write the report: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil { //nolint:gosec // the caller names the file, with the caller's rights
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
