package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// StoredSchema names the shape of a stored run.
const StoredSchema = "honeydue.loadtest-run/1"

// maxStored bounds what is read of a stored run: a hundred times the largest
// that a run of hours writes.
const maxStored = 256 << 20

// StoredRun is a load test with everything that any of its reports is made of:
// the result, and all latencies as histograms from which every percentile can be
// computed again.
type StoredRun struct {
	Version string // of the honeydue that measured
	Commit  string
	Result  Result
}

// storedFile is a StoredRun as JSON.
type storedFile struct {
	Schema  string  `json:"schema"`
	Version string  `json:"version"`
	Commit  string  `json:"commit"`
	Result  *Result `json:"result"`
	// Histograms has one entry for each phase of the result, in their order.
	Histograms []storedHistograms `json:"histograms"`
}

// storedHistograms are the latencies of a phase in nanoseconds, each histogram
// in HdrHistogram's V2 compressed form in base64.
type storedHistograms struct {
	Phase   string   `json:"phase"`
	Latency string   `json:"latency"`
	Slices  []string `json:"slices"` // of the timeline, in their order; "" for a slice without requests
}

// Encode is the run as one JSON document of the schema StoredSchema.
func (r StoredRun) Encode() ([]byte, error) {
	file := storedFile{
		Schema: StoredSchema, Version: r.Version, Commit: r.Commit, Result: &r.Result,
		Histograms: make([]storedHistograms, 0, len(r.Result.Phases)),
	}
	for _, p := range r.Result.Phases {
		h, err := p.encode()
		if err != nil {
			return nil, fmt.Errorf("encoding the latencies of phase %s: %w", p.Name, err)
		}
		file.Histograms = append(file.Histograms, h)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(file); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (p Phase) encode() (storedHistograms, error) {
	out := storedHistograms{Phase: p.Name, Slices: make([]string, len(p.Timeline.Slices))}
	if p.latency == nil {
		return out, errors.New("they were not kept")
	}
	var err error
	if out.Latency, err = p.latency.Encode(); err != nil {
		return out, err
	}
	for i, s := range p.Timeline.Slices {
		if s.latency == nil {
			continue
		}
		if out.Slices[i], err = s.latency.Encode(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// ReadStoredRun reads what Encode has written. It refuses a file of another
// schema, and one whose result and histograms do not say the same.
func ReadStoredRun(r io.Reader) (StoredRun, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxStored+1))
	switch {
	case err != nil:
		return StoredRun{}, fmt.Errorf("reading a stored run: %w", err)
	case len(data) > maxStored:
		return StoredRun{}, fmt.Errorf("a file of more than %d MiB is not a stored run", maxStored>>20)
	}
	// The schema first: the rest of another file may have any shape.
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		if !bytes.Contains(data[:min(len(data), 100)], []byte(StoredSchema)) {
			return StoredRun{}, errors.New("the file is not a stored run: it is not JSON")
		}
		return StoredRun{}, damaged(err)
	}
	switch head.Schema {
	case StoredSchema:
	case "":
		return StoredRun{}, errors.New("the file is not a stored run: it has no schema")
	case Schema:
		return StoredRun{}, fmt.Errorf("the file is a report (%s) and no stored run (%s)", Schema, StoredSchema)
	default:
		return StoredRun{}, fmt.Errorf("the file's schema is %.60q, and only %s can be read", head.Schema, StoredSchema)
	}
	var file storedFile
	if err := json.Unmarshal(data, &file); err != nil {
		return StoredRun{}, damaged(err)
	}
	if file.Result == nil || len(file.Result.Phases) != len(file.Histograms) {
		return StoredRun{}, damaged(errors.New("it has not the histograms of each phase"))
	}
	for i := range file.Result.Phases {
		if err := file.Result.Phases[i].restore(file.Histograms[i]); err != nil {
			return StoredRun{}, damaged(fmt.Errorf("phase %.60q: %w", file.Result.Phases[i].Name, err))
		}
	}
	return StoredRun{Version: file.Version, Commit: file.Commit, Result: *file.Result}, nil
}

func damaged(err error) error { return fmt.Errorf("the stored run is damaged: %w", err) }

// restore puts the latencies back and checks that the figures follow from them.
func (p *Phase) restore(from storedHistograms) error {
	if from.Phase != p.Name || len(from.Slices) != len(p.Timeline.Slices) {
		return errors.New("its histograms are those of another phase")
	}
	h, err := stats.DecodeHistogram(from.Latency)
	if err != nil {
		return fmt.Errorf("its latencies can't be decoded: %w", err)
	}
	p.latency = h
	switch {
	case h.Count() != p.Requests:
		return fmt.Errorf("its histogram holds %d requests of %d", h.Count(), p.Requests)
	case !h.Has(0.5, p.Latency.P50) || stats.MS(h.Max()) != p.Latency.Max || p.Latency.P99 != nil && !h.Has(0.99, *p.Latency.P99):
		return errors.New("its percentiles are not those of its histogram")
	case !(p.Timeline.SliceMS >= 0 && p.Timeline.SliceMS < math.MaxInt64/1e6):
		return errors.New("its timeline has slices of no length")
	case p.Server.check() != nil:
		return p.Server.check()
	case !slices.IsSorted(p.Timeline.BucketsMS) || len(p.Timeline.BucketsMS) > 0 && !(p.Timeline.BucketsMS[0] > 0):
		return errors.New("the buckets of its timeline are in no order")
	}
	sum := 0
	for i := range p.Timeline.Slices {
		s := &p.Timeline.Slices[i]
		if from.Slices[i] != "" {
			if s.latency, err = stats.DecodePacked(from.Slices[i]); err != nil {
				return fmt.Errorf("slice %d of its timeline can't be decoded: %w", i+1, err)
			}
			if s.latency.Count() != s.Requests {
				return fmt.Errorf("slice %d of its timeline holds %d requests of %d", i+1, s.latency.Count(), s.Requests)
			}
		}
		if s.FirstBucket < 0 || s.FirstBucket+len(s.Buckets) > len(p.Timeline.BucketsMS)+1 {
			return fmt.Errorf("slice %d of its timeline has buckets that do not exist", i+1)
		}
		sum += s.Requests
	}
	if len(p.Timeline.Slices) > 0 && sum != p.Requests {
		return fmt.Errorf("its timeline holds %d requests of %d", sum, p.Requests)
	}
	return nil
}
