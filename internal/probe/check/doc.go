// Package check judges an observation. Each check of the registry is one literal with its code, title, severity, needs and
// remedy; its judge is a function from an observation to an outcome. Judge runs the chosen checks, puts each symptom under its
// cause by the table of causes, and ranks what was found. Wants says what a selection of checks needs to have measured. A
// check never asks a server.
package check
