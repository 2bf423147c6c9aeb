// Package app asks a running server of the app: whether it is ready, how long its hot reads take and what they are made of, and
// what its metrics count.
package app
