package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Versions lists what is known of the versions in play.
func Versions(o *facts.Observation) []facts.Version {
	var out []facts.Version
	add := func(of, version string) {
		if version != "" {
			out = append(out, facts.Version{Of: of, Version: version})
		}
	}
	for _, s := range []*facts.PGServer{o.Direct, o.Pooler} {
		if s != nil && s.ServerVersion > 0 {
			add(facts.PostgresName, version(s.ServerVersion))
			break
		}
	}
	if o.Redis != nil {
		add(cmp.Or(o.Redis.Product, facts.RedisName), o.Redis.Version)
	}
	add(facts.PGBouncerName, o.Ways.PoolerVersion.String())
	if o.Target != nil {
		add("the running server", cmp.Or(strings.Join(o.Target.Builds, " and "), strings.TrimSpace(o.Target.Version+" "+o.Target.Commit)))
	}
	return out
}

// Settings are the settings of the app and of the servers that a later probe compares with.
func Settings(o *facts.Observation) []facts.SettingValue {
	var out []facts.SettingValue
	for _, s := range o.Config.Settings {
		out = append(out, facts.SettingValue{Name: s.Name, Value: s.Value, Drifted: s.Drifted})
	}
	return out
}

// stateSince lists versions and settings that are not those of the baseline.
func stateSince(r facts.Result, baseline facts.Result) []facts.Change {
	var out []facts.Change
	for _, v := range r.Versions {
		i := slices.IndexFunc(baseline.Versions, func(b facts.Version) bool { return b.Of == v.Of })
		if i >= 0 && baseline.Versions[i].Version != v.Version {
			out = append(out, facts.Change{What: "version of " + v.Of, Before: baseline.Versions[i].Version, After: v.Version})
		}
	}
	for _, s := range r.Settings {
		i := slices.IndexFunc(baseline.Settings, func(b facts.SettingValue) bool { return b.Name == s.Name })
		if i >= 0 && baseline.Settings[i].Value != s.Value {
			out = append(out, facts.Change{What: "setting " + s.Name, Before: shown(baseline.Settings[i].Value), After: shown(s.Value), Worse: s.Drifted})
		}
	}
	return out
}

// targetSince lists what has changed at the running server.
func targetSince(r facts.Result, baseline facts.Result) []facts.Change {
	if r.Target == nil || baseline.Target == nil {
		return nil
	}
	now, then := r.Target, baseline.Target
	out := timeChange("round trip to the running server", then.RoundTripMS, now.RoundTripMS)
	if now.ExecMode != then.ExecMode && now.ExecMode != "" && then.ExecMode != "" {
		out = append(out, facts.Change{What: "execution mode of the running server", Before: then.ExecMode, After: now.ExecMode})
	}
	for _, read := range now.Reads {
		i := slices.IndexFunc(then.Reads, func(b facts.TargetRead) bool { return b.Route == read.Route })
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
