package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

const (
	methodCreateUser   = "/bytebase.v1.UserService/CreateUser"
	methodUpdateUser   = "/bytebase.v1.UserService/UpdateUser"
	methodDeleteUser   = "/bytebase.v1.UserService/DeleteUser"
	methodUndeleteUser = "/bytebase.v1.UserService/UndeleteUser"
)

// NewUser is what a person is made from.
type NewUser struct {
	Email    string
	Title    string // "" is the part of Email before the @
	Phone    string
	Password slipway.Secret
}

// A UserChange says what shall change about a person; nil stays as it is.
type UserChange struct {
	Title    *string
	Phone    *string
	Password *slipway.Secret
}

// A UserQuery picks people.
type UserQuery = store.UserQuery

// User returns a person. Everyone may look at oneself.
func (s *Service) User(ctx context.Context, who slipway.Principal, email string) (slipway.User, error) {
	email, err := slipway.CheckEmail(email)
	if err != nil {
		return slipway.User{}, err
	}
	if !isSelf(who, email) {
		act := gate.Act{Who: who, Permission: iam.UsersGet, Resource: "users/" + email, Method: "/bytebase.v1.UserService/GetUser"}
		if err := s.gate.Can(ctx, act); err != nil {
			return slipway.User{}, err
		}
	}
	return s.st.User(ctx, email)
}

// Users lists people.
func (s *Service) Users(ctx context.Context, who slipway.Principal, q UserQuery, page slipway.Page) ([]slipway.User, string, error) {
	act := gate.Act{Who: who, Permission: iam.UsersList, Resource: slipway.WorkspaceName, Method: "/bytebase.v1.UserService/ListUsers"}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, "", err
	}
	return s.st.Users(ctx, q, page)
}

// CreateUser makes a person who can sign in at once and holds no role but what
// everyone holds.
func (s *Service) CreateUser(ctx context.Context, who slipway.Principal, n NewUser) (slipway.User, error) {
	act := gate.Act{Who: who, Permission: iam.UsersCreate, Resource: "users/" + n.Email, Method: methodCreateUser, Request: n}
	// Asked before the password is hashed, which costs much more.
	if err := s.gate.Can(ctx, act); err != nil {
		return slipway.User{}, err
	}
	u, err := s.newUser(ctx, n)
	if err != nil {
		return slipway.User{}, err
	}
	act.Resource = "users/" + u.Email
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if _, err := tx.Group(ctx, u.Email); slipway.KindOf(err) != slipway.NotFound || err == nil {
			if err != nil {
				return err
			}
			return slipway.Errorf(slipway.Exists, "group %q already exists: an address is a person's or a group's", u.Email)
		}
		return tx.CreateUser(ctx, u)
	})
	return u, err
}

// newUser checks n and returns the person it describes.
func (s *Service) newUser(ctx context.Context, n NewUser) (slipway.User, error) {
	email, err := slipway.CheckEmail(n.Email)
	if err != nil {
		return slipway.User{}, err
	}
	u := slipway.User{Email: email, Created: s.instant()}
	if n.Title == "" {
		n.Title = localPart(email)
	}
	if n.Password == "" {
		return slipway.User{}, slipway.Errorf(slipway.Invalid, "password: a person needs one to sign in")
	}
	return s.changed(ctx, u, UserChange{Title: &n.Title, Phone: &n.Phone, Password: &n.Password})
}

// changed checks c and returns u with it.
func (s *Service) changed(ctx context.Context, u slipway.User, c UserChange) (slipway.User, error) {
	if c.Title != nil {
		if err := slipway.CheckTitle("user", *c.Title); err != nil {
			return u, err
		}
		u.Title = *c.Title
	}
	if c.Phone != nil {
		if err := checkPhone(*c.Phone); err != nil {
			return u, err
		}
		u.Phone = *c.Phone
	}
	if c.Password != nil {
		if err := CheckPassword(*c.Password); err != nil {
			return u, err
		}
		hash, err := s.hashPassword(ctx, *c.Password)
		if err != nil {
			return u, err
		}
		u.PasswordHash, u.PasswordChanged, u.MustResetPassword = hash, s.instant(), false
	}
	return u, nil
}

// checkPhone takes what people write: digits, signs and spaces.
func checkPhone(phone string) error {
	if len(phone) > 40 {
		return slipway.Errorf(slipway.Invalid, "phone: at most 40 characters, not %d", len(phone))
	}
	for _, r := range phone {
		if (r < '0' || r > '9') && r != '+' && r != '-' && r != ' ' && r != '(' && r != ')' && r != '.' {
			return slipway.Errorf(slipway.Invalid, "phone %q: write digits, spaces and + - ( ) .", phone)
		}
	}
	return nil
}

// UpdateUser changes a person: anybody themselves, others by permission. A new
// password ends the person's sessions. Only a full administrator sets somebody
// else's, since that is to become them.
func (s *Service) UpdateUser(ctx context.Context, who slipway.Principal, email string, c UserChange) (slipway.User, error) {
	email, err := slipway.CheckEmail(email)
	if err != nil {
		return slipway.User{}, err
	}
	act := gate.Act{Who: who, Permission: iam.UsersUpdate, Resource: "users/" + email, Method: methodUpdateUser, Request: c}
	self := isSelf(who, email)
	if !self {
		if err := s.gate.Can(ctx, act); err != nil {
			return slipway.User{}, err
		}
		if c.Password != nil {
			everything := iam.RolesOf(nil)[iam.WorkspaceAdmin]
			if err := s.noMore(ctx, s.st.Reader, who, handout{what: "set the password of another person", want: everything}); err != nil {
				s.gate.Note(ctx, act, err)
				return slipway.User{}, err
			}
		}
	}
	// Hashing takes long, so it is done before the transaction, on an empty
	// person whose changed fields are then taken over.
	patch, err := s.changed(ctx, slipway.User{}, c)
	if err != nil {
		return slipway.User{}, err
	}
	var u slipway.User
	change := func(tx *store.Tx) error {
		if u, err = tx.User(ctx, email); err != nil {
			return err
		}
		if c.Title != nil {
			u.Title = patch.Title
		}
		if c.Phone != nil {
			u.Phone = patch.Phone
		}
		if c.Password != nil {
			u.PasswordHash, u.PasswordChanged, u.MustResetPassword = patch.PasswordHash, patch.PasswordChanged, !self
			if err := tx.DeleteSessionsOf(ctx, email); err != nil {
				return err
			}
		}
		return tx.UpdateUser(ctx, u)
	}
	if !self {
		err = s.gate.Do(ctx, act, change)
		return u, err
	}
	err = s.st.Update(ctx, change)
	act.Permission = ""
	s.gate.Note(ctx, act, err)
	return u, err
}

// DeleteUser deactivates a person and ends their sessions. What they did stays
// on record.
func (s *Service) DeleteUser(ctx context.Context, who slipway.Principal, email string) error {
	email, err := slipway.CheckEmail(email)
	if err != nil {
		return err
	}
	act := gate.Act{Who: who, Permission: iam.UsersDelete, Resource: "users/" + email, Method: methodDeleteUser}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		u, err := tx.User(ctx, email)
		if err != nil {
			return err
		}
		policy, err := tx.Policy(ctx, slipway.WorkspaceName)
		if err != nil {
			return err
		}
		u.Deleted = true
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		if err := keepsAnAdmin(ctx, tx.Reader, policy); err != nil {
			return err
		}
		return tx.DeleteSessionsOf(ctx, email)
	})
}

// UndeleteUser lets a person in again, with the roles that they still hold.
func (s *Service) UndeleteUser(ctx context.Context, who slipway.Principal, email string) (slipway.User, error) {
	email, err := slipway.CheckEmail(email)
	if err != nil {
		return slipway.User{}, err
	}
	var u slipway.User
	act := gate.Act{Who: who, Permission: iam.UsersUndelete, Resource: "users/" + email, Method: methodUndeleteUser}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if u, err = tx.User(ctx, email); err != nil {
			return err
		}
		u.Deleted = false
		return tx.UpdateUser(ctx, u)
	})
	return u, err
}

func isSelf(who slipway.Principal, email string) bool {
	return who.Kind == slipway.UserKind && who.Email == email
}

// What hashing a password costs: 40 ms and 19 MiB, as OWASP's cheat
// sheet asks of argon2id at least.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonHeader  = "$argon2id$v=19$m=19456,t=2,p=1$"
	saltBytes    = 16
	keyBytes     = 32
)

// CheckPassword reports why password cannot be one.
func CheckPassword(password slipway.Secret) error {
	p := password.Reveal()
	if n := utf8.RuneCountInString(p); n < 12 || len(p) > 1024 || !utf8.ValidString(p) {
		return slipway.Errorf(slipway.Invalid, "password: 12 characters at least and 1024 bytes at most")
	}
	return nil
}

// hashPassword returns password as the store keeps it.
func (s *Service) hashPassword(ctx context.Context, password slipway.Secret) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key, err := s.argon(ctx, password.Reveal(), salt)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return argonHeader + enc(salt) + "$" + enc(key), nil
}

// passwordIs reports whether password is the one that hash was made of. It
// takes as long for a hash that is none, so that nobody learns by the time
// taken whether an account exists.
func (s *Service) passwordIs(ctx context.Context, hash, password string) (bool, error) {
	salt, want, ok := parseHash(hash)
	got, err := s.argon(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && ok, nil
}

func (s *Service) argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, slipway.Errorf(slipway.Canceled, "given up while waiting for other sign-ins").Because(ctx.Err())
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, keyBytes), nil
}

// parseHash splits a stored hash. Of one that it cannot read it returns parts
// of the right size, which no password has.
func parseHash(hash string) (salt, key []byte, ok bool) {
	rest, ok := strings.CutPrefix(hash, argonHeader)
	s, k, found := strings.Cut(rest, "$")
	salt, err := base64.RawStdEncoding.DecodeString(s)
	key, kerr := base64.RawStdEncoding.DecodeString(k)
	if !ok || !found || err != nil || kerr != nil || len(salt) != saltBytes || len(key) != keyBytes {
		return make([]byte, saltBytes), make([]byte, keyBytes), false
	}
	return salt, key, true
}

// errSignIn is what everybody hears whose sign-in fails.
func errSignIn(cause string, args ...any) error {
	return slipway.Errorf(slipway.Unauthenticated, "invalid email or password").Because(fmt.Errorf(cause, args...))
}
