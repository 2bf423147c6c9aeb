package probe

import (
	"slices"
	"strings"
)

// Version is what a part of the system says it is.
type Version struct {
	Of      string `json:"of"`
	Version string `json:"version"`
}

// SettingValue is one of the app's tuned settings as it is in force.
type SettingValue struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Drifted bool   `json:"drifted,omitempty"`
}

// versions lists what is known of the versions in play.
func (o *observation) versions() []Version {
	var out []Version
	add := func(of, version string) {
		if version != "" {
			out = append(out, Version{of, version})
		}
	}
	for _, s := range []*pgServer{o.direct, o.pooler} {
		if s != nil && s.serverVersion > 0 {
			add(postgresName, version(s.serverVersion))
			break
		}
	}
	if o.redis != nil {
		add(orElse(o.redis.product, redisName), o.redis.version)
	}
	add(pgBouncerName, o.ways.poolerVersion.String())
	if o.target != nil {
		add("the running server", orElse(strings.Join(o.target.Builds, " and "), strings.TrimSpace(o.target.Version+" "+o.target.Commit)))
	}
	return out
}

func (o *observation) settings() []SettingValue {
	var out []SettingValue
	for _, s := range o.config.Settings {
		out = append(out, SettingValue{s.Name, s.Value, s.Drifted})
	}
	return out
}

// stateSince lists versions and settings that are not those of the baseline.
func (r Result) stateSince(baseline Result) []Change {
	var out []Change
	for _, v := range r.Versions {
		i := slices.IndexFunc(baseline.Versions, func(b Version) bool { return b.Of == v.Of })
		if i >= 0 && baseline.Versions[i].Version != v.Version {
			out = append(out, Change{What: "version of " + v.Of, Before: baseline.Versions[i].Version, After: v.Version})
		}
	}
	for _, s := range r.Settings {
		i := slices.IndexFunc(baseline.Settings, func(b SettingValue) bool { return b.Name == s.Name })
		if i >= 0 && baseline.Settings[i].Value != s.Value {
			out = append(out, Change{What: "setting " + s.Name, Before: shown(baseline.Settings[i].Value), After: shown(s.Value), Worse: s.Drifted})
		}
	}
	return out
}

// targetSince lists what has changed at the running server.
func (r Result) targetSince(baseline Result) []Change {
	if r.Target == nil || baseline.Target == nil {
		return nil
	}
	now, then := r.Target, baseline.Target
	out := timeChange("round trip to the running server", then.RoundTripMS, now.RoundTripMS)
	if now.ExecMode != then.ExecMode && now.ExecMode != "" && then.ExecMode != "" {
		out = append(out, Change{What: "execution mode of the running server", Before: then.ExecMode, After: now.ExecMode})
	}
	for _, read := range now.Reads {
		i := slices.IndexFunc(then.Reads, func(b TargetRead) bool { return b.Route == read.Route })
		if i < 0 || read.Runs == 0 || then.Reads[i].Runs == 0 {
			continue
		}
		was := then.Reads[i]
		out = append(out, timeChange("read "+read.Route+" of the running server", was.WallMS, read.WallMS)...)
		if was.Turns != nil && read.Turns != nil && *was.Turns != *read.Turns {
			out = append(out, countChange("read "+read.Route+" of the running server: turns", *was.Turns, *read.Turns))
		}
	}
	return out
}
