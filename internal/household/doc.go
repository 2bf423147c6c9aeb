// Package household is the domain: people, the residences they share, the
// tasks of those residences and the rules about them (who may do what, in
// which column of the board a task stands, when a recurring task is due next).
//
// It knows neither HTTP nor SQL. The JSON names on its types are the wire
// names of the API, so that no second set of structs has to follow them.
package household
