package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The escapes of workflow commands: in a message the percent sign and line breaks, in a property also what ends it.
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub prints an annotation for each of the document's cases. What could not be judged is an error, as it is
// in JUnit: nobody is to take it for a pass.
func writeGitHub(w io.Writer, d Document) error {
	if len(d.Cases) == 0 {
		return errors.New("this report has no cases, so there is nothing to annotate")
	}
	for _, c := range d.Cases {
		var level string
		switch c.Status {
		case Passed:
			level = "notice"
		case Failed, Errored:
			level = "error"
		case Skipped:
			level = "warning"
		default:
			return fmt.Errorf("case %q has the unknown status %q", c.Name, c.Status)
		}
		title := fmt.Sprintf("%s %s: %s", c.Suite, c.Name, c.Status)
		message := c.Message
		if message == "" {
			message = string(c.Status)
		}
		if _, err := fmt.Fprintf(w, "::%s title=%s::%s\n", level, githubProperty.Replace(title), githubMessage.Replace(message)); err != nil {
			return err
		}
	}
	return nil
}
