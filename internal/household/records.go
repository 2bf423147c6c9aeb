package household

import "time"

// Contractor is a tradesperson whom a residence calls.
type Contractor struct {
	ID          int64     `json:"id"`
	ResidenceID int64     `json:"residence_id"`
	Name        string    `json:"name"`
	Company     string    `json:"company"`
	Category    Category  `json:"category"`
	Phone       string    `json:"phone"`
	Email       string    `json:"email"`
	Notes       string    `json:"notes"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// NewContractor is what creating one takes.
type NewContractor struct {
	ResidenceID int64    `json:"residence_id" minimum:"1"`
	Name        string   `json:"name" minLength:"1" maxLength:"100"`
	Company     string   `json:"company,omitempty" maxLength:"100"`
	Category    Category `json:"category,omitempty"`
	Phone       string   `json:"phone,omitempty" maxLength:"40"`
	Email       string   `json:"email,omitempty" format:"email-or-empty" maxLength:"254" doc:"a bare e-mail address, or empty"`
	Notes       string   `json:"notes,omitempty" format:"text" maxLength:"5000"`
}

// Document is what is known of a document: a manual, a warranty, a contract.
type Document struct {
	ID          int64     `json:"id"`
	ResidenceID int64     `json:"residence_id"`
	Title       string    `json:"title"`
	Kind        string    `json:"kind"`
	Notes       string    `json:"notes"`
	ExpiresOn   *Date     `json:"expires_on" format:"date"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// NewDocument is what creating one takes.
type NewDocument struct {
	ResidenceID int64  `json:"residence_id" minimum:"1"`
	Title       string `json:"title" minLength:"1" maxLength:"200"`
	Kind        string `json:"kind,omitempty" enum:"manual,warranty,contract,receipt,insurance,permit,other"`
	Notes       string `json:"notes,omitempty" format:"text" maxLength:"5000"`
	ExpiresOn   *Date  `json:"expires_on,omitempty" format:"date"`
}

// DocumentKinds lists every kind, in the order in which the app shows them.
func DocumentKinds() []string {
	return []string{"manual", "warranty", "contract", "receipt", "insurance", "permit", "other"}
}
