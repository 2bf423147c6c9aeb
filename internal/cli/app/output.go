package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/report"
)

// Output is the flags that every command shares.
type Output struct {
	Name    string // of the format; "" lets the file's extension decide
	File    string
	NoColor bool
}

// AddFlags gives the flags to every command.
func (o *Output) AddFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVarP(&o.Name, "output", "o", "", "`FORM` of the report: "+generalNames()+", of probe and loadtest also junit|github, of loadtest also csv|hdr|vegeta (default: what the extension of --out says, else table)")
	flags.StringVar(&o.File, "out", "", "write the report to `FILE` instead of stdout, whole or not at all")
	flags.BoolVar(&o.NoColor, "no-color", false, "no colors (NO_COLOR=1 does the same)")
}

// Validate refuses a format that does not exist before any work is done for it.
func (o *Output) Validate() error {
	if o.Name == "" {
		return nil
	}
	if _, err := report.ParseFormat(o.Name); err != nil {
		return exit.Usagef("Give -o one of "+formatNames()+".", "%w", err)
	}
	return nil
}

// formsKey is the annotation of a command that names the forms its report has in addition to those that every report has.
const formsKey = "forms"

// HasCases marks a command whose report has verdicts one by one.
func HasCases() map[string]string { return map[string]string{formsKey: "junit,github"} }

// HasCourse marks a command whose report also has figures over time, and histograms.
func HasCourse() map[string]string { return map[string]string{formsKey: "junit,github,csv,hdr"} }

// HasRequests marks a command that can also write down each request while it runs.
func HasRequests() map[string]string {
	return map[string]string{formsKey: "junit,github,csv,hdr,vegeta"}
}

// ownForm says of a form that not every report has which commands have it, and what the others lack.
func ownForm(f report.Format) (commands, lack string, own bool) {
	switch f {
	case report.FormatJUnit:
		return "probe and loadtest", "verdicts that JUnit", true
	case report.FormatGitHub:
		return "probe and loadtest", "verdicts that annotations", true
	case report.FormatCSV:
		return "loadtest", "figures over time that CSV", true
	case report.FormatHDR:
		return "loadtest", "histograms that an HDR log", true
	case report.FormatVegeta:
		return "loadtest", "single requests that vegeta's commands", true
	}
	return "", "", false
}

// ValidateFor is Validate for one command: a report that it cannot give is refused before it works for minutes.
func (o *Output) ValidateFor(cmd *cobra.Command) error {
	if err := o.Validate(); err != nil {
		return err
	}
	form := o.Format()
	commands, lack, own := ownForm(form)
	if own && !slices.Contains(strings.Split(cmd.Annotations[formsKey], ","), string(form)) {
		return exit.Usagef("The form "+string(form)+" is for "+commands+"; choose another one.",
			"the report of '%s' has no %s could show", cmd.CommandPath(), lack)
	}
	return writable("--out", o.File)
}

// Format is the one that the flags ask for.
func (o *Output) Format() report.Format {
	if f, err := report.ParseFormat(o.Name); err == nil {
		return f
	}
	switch strings.ToLower(filepath.Ext(o.File)) {
	case ".json":
		return report.FormatJSON
	case ".md", ".markdown":
		return report.FormatMarkdown
	case ".html", ".htm":
		return report.FormatHTML
	case ".xml":
		return report.FormatJUnit
	case ".csv":
		return report.FormatCSV
	case ".hlog", ".hdr":
		return report.FormatHDR
	case ".vegeta":
		return report.FormatVegeta
	}
	return report.FormatTable
}

func formatNames() string { return joinForms(report.Formats()) }

// generalNames are the forms that every report has.
func generalNames() string {
	return joinForms(slices.DeleteFunc(report.Formats(), func(f report.Format) bool {
		_, _, own := ownForm(f)
		return own
	}))
}

func joinForms(formats []report.Format) string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, string(f))
	}
	return strings.Join(names, "|")
}

// writable refuses a file that could not be written after minutes of measuring; "" is none.
func writable(flag, path string) error {
	if path == "" {
		return nil
	}
	at, err := os.Stat(path)
	switch {
	case err == nil && at.IsDir():
		return exit.Usagef("Give a file.", "%s %s is a folder", flag, path)
	case err == nil && !at.Mode().IsRegular():
		return nil
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
		return exit.Usagef("Make the folder first.", "%s %s is in a folder that does not exist", flag, path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return exit.Usagef("Name a file in a folder that you may write to.", "%s: the folder of %s is not writable", flag, path)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Savable is writable for a file that is written in addition to the report.
func (a *App) Savable(flag, path string) error {
	if path != "" && path == a.Output.File {
		return exit.Usagef("Give each a file of its own.", "%s and --out both name %s", flag, path)
	}
	return writable(flag, path)
}

// WriteFile puts data at the path that a flag gives, in one step: a reader sees the old file or the new one, never half
// of it. A device or a pipe is written to as it is.
func WriteFile(flag, path string, data []byte) (err error) {
	if at, err := os.Stat(path); err == nil && !at.Mode().IsRegular() {
		if err := os.WriteFile(path, data, 0); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return exit.Failedf("Give "+flag+" a path in a folder that exists and that you may write to.", "cannot write the report: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error that brought us here is the one to tell
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
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
