package server

import (
	"crypto/tls"
	"fmt"
	stdlog "log"

	"github.com/rs/zerolog"

	"beffroi/server/config"
)

// serverTLS reads the certificate of the TLS listener; nil where there is none. TLS 1.2 only with AEAD suites.
func serverTLS(cfg config.Listen) (*tls.Config, error) {
	if cfg.TLS == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("listen.tls_certificate = %q, listen.tls_key = %q : certificat inutilisable : %w", cfg.Certificate, cfg.Key, err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		NextProtos:   []string{"h2", "http/1.1"}, // said here, since the plain listener's Serve may be first to set HTTP/2 up
		MinVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}, nil
}

// serverLog carries what net/http says about broken connections, which strangers cause, at level debug.
func serverLog(log zerolog.Logger) *stdlog.Logger {
	return stdlog.New(debugWriter{log}, "", 0)
}

type debugWriter struct{ log zerolog.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.Debug().Str("source", "net/http").Msg(string(line[:max(0, len(line)-1)]))
	return len(line), nil
}
