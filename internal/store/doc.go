// Package store is every SQL statement of the project, the pool that runs
// them, the migrations and the seed.
//
// The house rules of this package:
//   - a statement is a Query value directly above the method that runs it, and
//     Catalogue lists it; no SQL stands anywhere else (migrations and seed
//     excepted), so that what probe explains is what the API runs;
//   - who may see a row is decided in the statement's own WHERE, never before it;
//   - a method is one statement and so one turn: what needs several steps is a
//     data-modifying CTE;
//   - only DB.borrow takes a connection out of the pool, and it charges the
//     request's link.Tally with the wait, the time and the turns.
package store
