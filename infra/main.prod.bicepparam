// For use: always an instance ready, data that refuses to be deleted, background work in Service Bus.
// A public client at the sign-in provider has no secret: take clientSecretName out.
using 'main.bicep'

param environment = 'prod'
param organization = readEnvironmentVariable('KONTEXT_ORGANIZATION')
param publicUrl = readEnvironmentVariable('KONTEXT_PUBLIC_URL', '')
param signIn = {
  issuer: readEnvironmentVariable('KONTEXT_SIGNIN_ISSUER')
  clientId: readEnvironmentVariable('KONTEXT_SIGNIN_CLIENT_ID')
  clientSecretName: 'sign-in-client-secret'
  administrators: readEnvironmentVariable('KONTEXT_ADMINISTRATORS', '')
}
param signInClientSecret = readEnvironmentVariable('KONTEXT_SIGNIN_CLIENT_SECRET', '')

param workQueue = 'servicebus'
param zoneRedundantStorage = true
// With zones the platform keeps two instances for every timer and queue as well as for HTTP: 26 of them, $547 a month while nobody calls
// (docs/costs.md). Without them the app is back in another zone once the platform has noticed, and nothing that is stored is lost.
param zoneRedundant = false
param lockData = true
param alwaysReadyInstances = 2
param maximumInstanceCount = 100

param auditRetentionDays = 400
param auditImmutableDays = 2555

param logRetentionDays = 90
param logDailyCapGb = -1
