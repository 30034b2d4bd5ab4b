// SPDX-License-Identifier: Apache-2.0

// Package grpc has interceptors for gRPC servers that ask pold about each call, by the bundle's routes: a call is POST of its full method,
// such as route POST "/orders.v1.Orders/{method}" is call on order.
package grpc

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	polward "polward.dev/client"
)

func describe(ctx context.Context, method string) polward.Evaluation {
	request := &polward.HTTPRequest{Method: "POST", Path: method, Scheme: "http", Headers: map[string]string{}}
	e := polward.Evaluation{Request: request}
	if values, ok := metadata.FromIncomingContext(ctx); ok {
		for name, each := range values {
			switch {
			case name == ":authority" && len(each) == 1:
				request.Host = each[0]
			case !strings.HasPrefix(name, ":") && !strings.HasSuffix(name, "-bin"):
				request.Headers[name] = strings.Join(each, ", ")
			}
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			request.Scheme = "https"
			e.Cert = polward.CertPEM(tls.State.PeerCertificates)
		}
	}
	return e
}

// judge is nil where the call may go ahead; else PermissionDenied, Unauthenticated where another token may help, or Unavailable without a decision.
func judge(ctx context.Context, c *polward.Client, method string) error {
	d, err := c.Evaluate(ctx, describe(ctx, method))
	if err != nil {
		return status.Error(codes.Unavailable, "no decision")
	}
	if d.Allow {
		return nil
	}
	if challenge, ok := d.Context["www_authenticate"].(string); ok && !strings.Contains(challenge, "insufficient_scope") {
		return status.Error(codes.Unauthenticated, "denied")
	}
	return status.Error(codes.PermissionDenied, "denied")
}

// Unary asks before each call of one request and one answer.
func Unary(c *polward.Client) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := judge(ctx, c, info.FullMethod); err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

// Stream asks before each streaming call, once.
func Stream(c *polward.Client) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if err := judge(stream.Context(), c, info.FullMethod); err != nil {
			return err
		}
		return next(server, stream)
	}
}
