package lab

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Roles of the lab.
const (
	superUser = "postgres"     // owns the cluster; never leaves this package
	appUser   = "honeydue"     // what the app is given: owns its databases, no superuser
	adminUser = "pooler_admin" // the pooler's console
	database  = "honeydue"     // the app's database
)

// secrets are the lab's passwords: random, made once, kept in the folder and
// readable by its owner only.
type secrets struct {
	Super string `json:"postgres"`
	App   string `json:"honeydue"`
	Admin string `json:"pooler_admin"`
	Redis string `json:"redis"`
}

func loadSecrets(f folder) (secrets, error) {
	var s secrets
	b, err := os.ReadFile(f.secrets())
	switch {
	case errors.Is(err, os.ErrNotExist) && initialised(f):
		return s, advise("Delete the data folder to start over.", "lab: the passwords of %s are gone (secrets.json)", f)
	case errors.Is(err, os.ErrNotExist):
		s = secrets{Super: rand.Text(), App: rand.Text(), Admin: rand.Text(), Redis: rand.Text()}
		b, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return s, fmt.Errorf("lab: store the passwords: %w", err)
		}
		return s, writeFile(f.secrets(), b, 0o600)
	case err != nil:
		return s, fmt.Errorf("lab: read the passwords: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, advise("Delete the data folder to start over.", "lab: %s is damaged: %w", f.secrets(), err)
	}
	return s, nil
}
