// To try Kontext out: no instance is kept, and while nobody calls only the timers run, for about four dollars a month (docs/costs.md).
// A public client at the sign-in provider has no secret: take clientSecretName out.
using 'main.bicep'

param environment = 'dev'
param organization = readEnvironmentVariable('KONTEXT_ORGANIZATION', 'dev')
param signIn = {
  issuer: readEnvironmentVariable('KONTEXT_SIGNIN_ISSUER')
  clientId: readEnvironmentVariable('KONTEXT_SIGNIN_CLIENT_ID')
  clientSecretName: 'sign-in-client-secret'
  administrators: readEnvironmentVariable('KONTEXT_ADMINISTRATORS', '')
}
param signInClientSecret = readEnvironmentVariable('KONTEXT_SIGNIN_CLIENT_SECRET', '')

param workQueue = 'storage'
param auditImmutableDays = 1
param logDailyCapGb = 1
