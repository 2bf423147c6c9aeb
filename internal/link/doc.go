// Package link knows the network between the app and its database: the meter
// counts turns on a connection, the model link delays one.
//
// A turn is one round trip between a client and the endpoint it talks to: a
// write (or several in a row) followed by a read that brings data. Turns are
// the currency of this project, because at 110 ms each they are the price of
// nearly everything.
package link
