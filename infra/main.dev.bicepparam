// To try Kontext out: nothing runs, and next to nothing costs, while nobody calls. Fill in organization and signIn.
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
