package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr,omitempty"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
	seconds  float64
}

type junitCase struct {
	Suite   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr,omitempty"`
	Failure *junitOutcome `xml:"failure"`
	Error   *junitOutcome `xml:"error"`
	Skipped *junitOutcome `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitOutcome struct {
	Message string `xml:"message,attr"`
}

// writeJUnit prints the document's cases, one suite for each run of equal suite names. Where the cases shared their time
// they have none: readers add it up.
func writeJUnit(w io.Writer, d Document) error {
	if len(d.Cases) == 0 {
		return errors.New("this report has no cases, so there is nothing that JUnit could show")
	}
	root := junitSuites{Name: d.Title}
	if d.Seconds > 0 {
		root.Time = seconds(d.Seconds)
	}
	for _, c := range d.Cases {
		if n := len(root.Suites); n == 0 || root.Suites[n-1].Name != c.Suite {
			root.Suites = append(root.Suites, junitSuite{Name: c.Suite})
		}
		suite := &root.Suites[len(root.Suites)-1]
		out := junitCase{Suite: c.Suite, Name: c.Name}
		outcome := &junitOutcome{Message: c.Message}
		switch c.Status {
		case Passed:
		case Remarked:
			out.Out = c.Message
		case Failed:
			out.Failure = outcome
			suite.Failures++
			root.Failures++
		case Errored:
			out.Error = outcome
			suite.Errors++
			root.Errors++
		case Skipped:
			out.Skipped = outcome
			suite.Skipped++
			root.Skipped++
		default:
			return fmt.Errorf("case %q has the unknown status %q", c.Name, c.Status)
		}
		suite.Tests++
		root.Tests++
		if d.Seconds == 0 {
			out.Time = seconds(c.Seconds)
			suite.seconds += c.Seconds
			suite.Time = seconds(suite.seconds)
		}
		suite.Cases = append(suite.Cases, out)
	}
	if len(root.Suites) == 1 && root.Time != "" {
		root.Suites[0].Time = root.Time
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(root); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
