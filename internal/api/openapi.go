package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
)

// docsPage shows the document without anything from elsewhere.
//
//go:embed docs.html
var docsPage []byte

func newDocument(version string) *huma.OpenAPI {
	r := newRegistry()
	r.Schema(reflect.TypeFor[Problem](), true, "")
	if version == "" {
		version = "dev"
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "honeydue",
			Version: version,
			Description: "Homes, the people who share them, their tasks on a kanban board, contractors and documents. " +
				"Paths end with a slash and are served without it, too. A body is one JSON object; field names are " +
				"case-sensitive, and unknown and repeated fields are refused. A text without a format is a single line: white " +
				"space around it is removed, and control characters and texts without a visible character are refused; the " +
				"format text allows line breaks. Unknown, repeated and inapplicable query parameters are refused, and so is If-Match " +
				"with anything but *: no route evaluates it yet. " +
				"Every error is application/problem+json. Every reply carries Traceparent, Server-Timing and X-DB-Turns.",
		},
		Components: &huma.Components{
			Schemas: r,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"token": {Type: "apiKey", In: "header", Name: "Authorization", Description: "Token <token>, or Bearer <token>"},
			},
		},
	}
}

// finishDocument replaces huma's own error model by ours and freezes the document.
func finishDocument(o *huma.OpenAPI) ([]byte, error) {
	schemas := o.Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	doc, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return doc, nil
}

// Document is the OpenAPI document in JSON.
func (s *Server) Document() []byte { return s.document }

func (s *Server) openAPI(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.Data(http.StatusOK, "application/json", s.document)
}

func (s *Server) docs(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'")
	c.Data(http.StatusOK, "text/html; charset=utf-8", docsPage)
}
