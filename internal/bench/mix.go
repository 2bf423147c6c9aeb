package bench

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/honeydue/honeydue/internal/api"
)

// MixRoute is one route of a mix.
type MixRoute struct {
	ID     string
	Path   string
	Weight uint64 // its share of the requests, relative to the others
	Expect Statuses
}

// shot is the route's request as a user.
func (r MixRoute) shot(u User) Shot {
	return Shot{Route: r.ID, Path: r.Path, User: u, Expect: r.Expect}
}

// Mix is which routes are asked, how often. It is a pure value.
type Mix struct {
	routes []MixRoute
	total  uint64
}

// NewMix makes a mix. Each route needs a weight above zero.
func NewMix(routes ...MixRoute) (Mix, error) {
	m := Mix{routes: routes}
	for _, r := range routes {
		if r.Weight == 0 {
			return Mix{}, fmt.Errorf("route %s needs a weight above zero", r.ID)
		}
		m.total += r.Weight
	}
	if len(routes) == 0 {
		return Mix{}, errors.New("a mix needs at least one route")
	}
	return m, nil
}

// HotMix is the mix of the app's hot reads, from the one table of routes: who
// opens the app looks at the board most of the time.
func HotMix() (Mix, error) {
	var routes []MixRoute
	for _, r := range api.Routes() {
		if r.Hot && r.Method == http.MethodGet {
			routes = append(routes, MixRoute{ID: r.ID, Path: r.Path, Weight: appWeight(r.ID)})
		}
	}
	return NewMix(routes...)
}

// appWeight is a route's share of the app's reads. A hot route that is new here
// has the least share and not none.
func appWeight(id string) uint64 {
	switch id {
	case "task_board":
		return 6
	case "residence_list":
		return 2
	}
	return 1
}

// Routes lists the routes of the mix.
func (m Mix) Routes() []MixRoute { return m.routes }

// foremost is the route with the largest share.
func (m Mix) foremost() MixRoute {
	most := m.routes[0]
	for _, r := range m.routes {
		if r.Weight > most.Weight {
			most = r
		}
	}
	return most
}

// at is the route of request seq: the same one in every run.
func (m Mix) at(seq uint64) MixRoute {
	draw := scatter(seq) % m.total
	for _, r := range m.routes {
		if draw < r.Weight {
			return r
		}
		draw -= r.Weight
	}
	return m.routes[len(m.routes)-1]
}

// shared gives each request a route of the mix and one of the users, again and
// again the same users.
func (m Mix) shared(users []User) Shots {
	return func(seq uint64) Shot {
		// Another draw than the route's, or a user would always ask the same route.
		return m.at(seq).shot(users[scatter(^seq)%uint64(len(users))])
	}
}

// once gives each request a route of the mix and a user of its own.
func (m Mix) once(users []User) Shots {
	return func(seq uint64) Shot {
		return m.at(seq).shot(users[seq])
	}
}

// scatter spreads the whole numbers evenly (the finalizer of splitmix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
