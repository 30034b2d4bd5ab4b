// SPDX-License-Identifier: Apache-2.0

// Package polward asks a pold for decisions, by binary frames over one connection on which many requests are under way.
package polward

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
)

const (
	opEvaluation  = 1
	opEvaluations = 2
	answerMax     = 64 << 20
)

// Entity is a subject or a resource.
type Entity struct {
	Type       string         `json:"type,omitempty"`
	ID         string         `json:"id,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Action is what is to be done.
type Action struct {
	Name       string         `json:"name"`
	Properties map[string]any `json:"properties,omitempty"`
}

// HTTPRequest describes a request that is to be judged by the bundle's routes.
type HTTPRequest struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   string            `json:"query,omitempty"`
	Host    string            `json:"host,omitempty"`
	Scheme  string            `json:"scheme,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// Evaluation is one question. With Token or Request, Subject may be left out; with Request, Action and Resource may.
type Evaluation struct {
	Subject  *Entity        `json:"subject,omitempty"`
	Action   *Action        `json:"action,omitempty"`
	Resource *Entity        `json:"resource,omitempty"`
	Context  map[string]any `json:"context,omitempty"`
	Token    string         `json:"token,omitempty"`
	Cert     string         `json:"cert,omitempty"` // PEM, leaf first, of the client whose key the connection has proved; see CertPEM
	Request  *HTTPRequest   `json:"request,omitempty"`
}

// CertPEM is the certificates of a TLS connection's client as Evaluation.Cert takes them; "" for none.
func CertPEM(chain []*x509.Certificate) string {
	var out strings.Builder
	for _, cert := range chain {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	}
	return out.String()
}

// Decision is the answer. The zero value denies.
type Decision struct {
	Allow   bool           `json:"decision"`
	Context map[string]any `json:"context"`
}

// StatusError is a request that was refused; it stands for no decision.
type StatusError struct {
	Status  int
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("polward: %d: %s", e.Status, e.Message) }

type answer struct {
	status int
	body   []byte
	err    error
}

// Client is one connection, safe for use by many goroutines.
type Client struct {
	conn    net.Conn
	writing sync.Mutex
	mu      sync.Mutex
	waiting map[uint32]chan answer
	next    uint32
	broken  error
}

// Dial connects to the unix socket at path.
func Dial(ctx context.Context, path string) (*Client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return New(conn)
}

// New greets over a connection that is there already, for instance one of TLS.
func New(conn net.Conn) (*Client, error) {
	if _, err := conn.Write([]byte("\x00PW1")); err != nil {
		conn.Close()
		return nil, err
	}
	c := &Client{conn: conn, waiting: map[uint32]chan answer{}}
	go c.read()
	return c, nil
}

// Close ends the connection; what is under way fails.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) read() {
	in := bufio.NewReader(c.conn)
	var head [10]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			c.fail(err)
			return
		}
		n := binary.BigEndian.Uint32(head[:])
		if n < 6 || n > answerMax {
			c.fail(errors.New("polward: an answer of an impossible length"))
			return
		}
		body := make([]byte, n-6)
		if _, err := io.ReadFull(in, body); err != nil {
			c.fail(err)
			return
		}
		id := binary.BigEndian.Uint32(head[4:])
		c.mu.Lock()
		waits := c.waiting[id]
		delete(c.waiting, id)
		c.mu.Unlock()
		if waits != nil {
			waits <- answer{status: int(binary.BigEndian.Uint16(head[8:])), body: body}
		}
	}
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = fmt.Errorf("polward: the connection ended: %w", err)
	for id, waits := range c.waiting {
		waits <- answer{err: c.broken}
		delete(c.waiting, id)
	}
	c.conn.Close()
}

func (c *Client) begin() (uint32, chan answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return 0, nil, c.broken
	}
	for c.next++; c.next == 0 || c.waiting[c.next] != nil; c.next++ {
	}
	waits := make(chan answer, 1)
	c.waiting[c.next] = waits
	return c.next, waits, nil
}

func (c *Client) ask(ctx context.Context, op byte, question, out any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	id, waits, err := c.begin()
	if err != nil {
		return err
	}
	frame := make([]byte, 9, 9+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body)+5))
	binary.BigEndian.PutUint32(frame[4:], id)
	frame[8] = op
	c.writing.Lock()
	_, err = c.conn.Write(append(frame, body...))
	c.writing.Unlock()
	if err != nil {
		c.fail(err)
		return err
	}
	select {
	case got := <-waits:
		if got.err != nil {
			return got.err
		}
		if got.status != 200 {
			var message string
			_ = json.Unmarshal(got.body, &message)
			return &StatusError{got.status, message}
		}
		return json.Unmarshal(got.body, out)
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// Evaluate asks for one decision. After an error nothing is decided: deny.
func (c *Client) Evaluate(ctx context.Context, e Evaluation) (Decision, error) {
	var d Decision
	if err := c.ask(ctx, opEvaluation, e, &d); err != nil {
		return Decision{}, err
	}
	return d, nil
}

// EvaluateAll asks for many; each takes from defaults what it leaves out.
func (c *Client) EvaluateAll(ctx context.Context, defaults Evaluation, each []Evaluation) ([]Decision, error) {
	if len(each) == 0 {
		return nil, nil
	}
	question := struct {
		Evaluation
		Evaluations []Evaluation `json:"evaluations"`
	}{defaults, each}
	var got struct {
		Evaluations []Decision `json:"evaluations"`
	}
	if err := c.ask(ctx, opEvaluations, question, &got); err != nil {
		return nil, err
	}
	if len(got.Evaluations) != len(each) {
		return nil, errors.New("polward: not as many answers as questions")
	}
	return got.Evaluations, nil
}
