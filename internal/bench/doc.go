// Package bench is the load test: it sends requests on a schedule, measures
// each from the moment it was due, and judges the figures by an exact bound.
//
// The parts, from the bottom up:
//
//   - a [Schedule] says in closed form when each request is due;
//   - a [Hitter] sends them by vegeta's Attacker and Go's HTTP client, and returns a [Sample] each;
//   - a tally keeps every figure of a phase in HDR histograms of constant size;
//   - the gate says whether "p99 <= target" holds, is refuted, or is not decided;
//   - a phase (warm, cold, first, get) is what is sent, to whom, and in which state;
//   - a [Scenario] is a plan as a file, with requests, users, data and [Threshold]s of its own;
//   - a [Sampler] reads what stands behind the target meanwhile;
//   - [Run] runs the phases of a [Plan] and returns a [Result], plain data;
//   - [Result.Document] is the report of that data.
//
// A latency runs from the scheduled moment, never from the send: a server that
// stalls delays the requests that were due during the stall, and a generator
// that waits for it would not see them (the "coordinated omission").
package bench
