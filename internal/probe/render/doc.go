// Package render makes documents of a probe's result: the whole report, the brief one, and what a terminal shows while a
// system is watched.
package render
