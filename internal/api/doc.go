// Package api is the household API over HTTP.
//
// Routes is the one route table: it drives the router, the OpenAPI document,
// the turn budgets and the authorization tests, and other packages take the
// hot paths from it. A handler gets a parsed and validated input and returns an
// output or an error; what an error looks like is decided in one place (problem.go).
//
// Around every request stands an exchange (exchange.go): it carries the bill
// (DB turns, time in the pool, in the database, in Redis) and puts it on the
// reply, whatever the reply is.
package api
